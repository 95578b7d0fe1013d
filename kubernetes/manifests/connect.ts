import type { ClusterSettings } from '#contract/clusters.ts';
import type { Feature } from './access.ts';
import { admissionPoliciesSince, admissionPolicy } from './admission-policy.ts';
import { agentDeployment, webhookService } from './agent-deployment.ts';
import {
  agentName,
  berthNamespace,
  connectSecretName,
  connectTokenKey,
  nodeName,
  ourLabels,
} from './names.ts';
import { criticalPodsQuota, nodeDaemonSets } from './node-daemon-sets.ts';
import type { NodeImage } from './node-images.ts';
import { type KubernetesObject, ofNamespace } from './object.ts';
import { roles } from './roles.ts';

export interface ConnectOptions {
  readonly cluster: string;
  readonly registry: {
    /** `host[:port]`, as image names begin. */
    readonly name: string;
    /** `https://host[:port]` */
    readonly addresses: readonly string[];
  };
  /** `HOST/berth/agent:VERSION` */
  readonly agentImage: string;
  /** That it is made for, as Kubernetes names them. */
  readonly agentArchitectures: readonly string[];
  /** Absent: the Secret is made by hand. */
  readonly token?: string | undefined;
  readonly features: ReadonlySet<Feature>;
  /** What the ConfigMap of nodes holds: their script, what it lays down, the authorities. */
  readonly nodeFiles: Readonly<Record<string, string>>;
  readonly nodeImages: readonly NodeImage[];
  /** Minor release of Kubernetes, as far as it is known. */
  readonly kubernetesMinor?: number | undefined;
}

/** @param settings all of them, with their defaults */
export function featuresOf(settings: Required<ClusterSettings>): ReadonlySet<Feature> {
  const wanted = new Set<Feature>();
  if (settings.pull_secrets) wanted.add('pull-secrets');
  if (settings.pull_secrets && settings.webhook) wanted.add('webhook');
  if (settings.review_tokens) wanted.add('token-review');
  if (settings.credential_provider !== 'off') wanted.add('credential-provider');
  return wanted;
}

/** When an object belongs to what is applied; absent: always. */
export type Condition = Feature | 'admission-policies' | 'token';

export interface ConnectPart {
  readonly object: KubernetesObject;
  readonly when?: Condition;
  /**
   * The agent changes it or takes it away, once it runs: a tool that goes on applying what it was
   * at first would undo that.
   */
  readonly handedOver?: true;
}

/** Everything that connects a cluster, or a part of it. */
export type ConnectSelection = 'all' | 'lasting' | 'handed-over';

/** What is to be applied, in an order in which each finds what it needs. */
export function connectManifests(
  options: ConnectOptions,
  selection: ConnectSelection = 'all',
): KubernetesObject[] {
  return connectParts(options)
    .filter(({ when }) => when === undefined || holds(when, options))
    .filter(
      ({ handedOver = false }) =>
        selection === 'all' || handedOver === (selection === 'handed-over'),
    )
    .map(({ object }) => object);
}

function holds(condition: Condition, options: ConnectOptions): boolean {
  if (condition === 'token') return options.token !== undefined;
  if (condition === 'admission-policies') {
    return (options.kubernetesMinor ?? 0) >= admissionPoliciesSince;
  }
  return options.features.has(condition);
}

/** All that may be applied, each with its condition. */
export function connectParts(options: ConnectOptions): ConnectPart[] {
  const { cluster, registry, token = '' } = options;
  return [
    { object: namespace() },
    { object: serviceAccount(agentName) },
    { object: serviceAccount(nodeName) },
    ...roles(registry.name).flatMap(({ feature, objects }) =>
      objects.map((object) => ({ object, ...(feature !== undefined && { when: feature }) })),
    ),
    ...admissionPolicy().map((object) => ({ object, when: 'admission-policies' as const })),
    {
      object: ofNamespace('v1', 'Secret', connectSecretName, {
        type: 'Opaque',
        stringData: { [connectTokenKey]: token },
      }),
      when: 'token',
      handedOver: true,
    },
    {
      object: ofNamespace('v1', 'ConfigMap', nodeName, { data: options.nodeFiles }),
      handedOver: true,
    },
    { object: criticalPodsQuota() },
    ...nodeDaemonSets(options.nodeImages).map((object) => ({ object, handedOver: true as const })),
    {
      object: agentDeployment({
        cluster,
        registry: registry.name,
        addresses: registry.addresses.join(','),
        image: options.agentImage,
        architectures: options.agentArchitectures,
      }),
    },
    { object: webhookService(), when: 'webhook' },
  ];
}

/** Pods that mount folders of their node are admitted by no stricter level. */
function namespace(): KubernetesObject {
  const levels = ['enforce', 'audit', 'warn'].map((mode) => [
    `pod-security.kubernetes.io/${mode}`,
    'privileged',
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: berthNamespace, labels: { ...ourLabels, ...Object.fromEntries(levels) } },
  };
}

function serviceAccount(name: string): KubernetesObject {
  return ofNamespace('v1', 'ServiceAccount', name, {
    automountServiceAccountToken: name === agentName,
  });
}
