import type { NamespaceSelector } from '#contract/agent.ts';
import type { KubernetesObject } from '#kubernetes/api/index.ts';
import { agentName, berthNamespace, ourLabels } from '#kubernetes/manifests/names.ts';
import { reservedNamespaces } from '#kubernetes/namespace-selection.ts';

/** Where the API server asks. */
export const podsPath = '/pods';
export const serviceNames = [
  `${agentName}.${berthNamespace}.svc`,
  `${agentName}.${berthNamespace}.svc.cluster.local`,
] as const;

const timeoutSeconds = 2;
/** Every namespace has it, and nobody can change it. */
const nameLabel = 'kubernetes.io/metadata.name';

interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn';
  readonly values: readonly string[];
}

interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly Requirement[];
}

const notReserved: Requirement = { key: nameLabel, operator: 'NotIn', values: reservedNamespaces };

/**
 * Which namespaces the API server asks about, as it knows them: whoever answers then needs to know
 * no namespaces. Those of Kubernetes and of Berth are never asked about, so that nothing there
 * waits for a pod that runs there.
 */
export function namespaceSelectors(selectors: readonly NamespaceSelector[]): LabelSelector[] {
  if (selectors.some(({ kind }) => kind === 'all')) return [{ matchExpressions: [notReserved] }];
  const names = selectors.flatMap((selector) => (selector.kind === 'name' ? [selector.name] : []));
  const byLabels = selectors.flatMap((selector) =>
    selector.kind === 'labels' && Object.keys(selector.labels).length > 0
      ? [{ matchLabels: selector.labels, matchExpressions: [notReserved] }]
      : [],
  );
  const named: Requirement = { key: nameLabel, operator: 'In', values: names.toSorted() };
  return [...(names.length === 0 ? [] : [{ matchExpressions: [named, notReserved] }]), ...byLabels];
}

/** @param authorities PEM of every certificate that may be served */
export function webhookConfiguration(
  selectors: readonly NamespaceSelector[],
  authorities: string,
): KubernetesObject {
  const object = {
    metadata: { name: agentName, labels: ourLabels },
    webhooks: namespaceSelectors(selectors).map((namespaceSelector, index) => ({
      name: `pods-${index}.pull-secrets.berth.internal`,
      admissionReviewVersions: ['v1'],
      clientConfig: {
        service: { namespace: berthNamespace, name: agentName, path: podsPath },
        caBundle: Buffer.from(authorities).toString('base64'),
      },
      rules: [
        { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
      ],
      namespaceSelector,
      // An agent that is away keeps nobody from making pods.
      failurePolicy: 'Ignore',
      sideEffects: 'None',
      timeoutSeconds,
      reinvocationPolicy: 'Never',
    })),
  };
  return object;
}
