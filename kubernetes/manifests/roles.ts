import { type AccessRule, accessRules, type Feature, features, roleName } from './access.ts';
import { agentName, berthNamespace } from './names.ts';
import { type KubernetesObject, ofCluster, ofNamespace } from './object.ts';

const apiGroup = 'rbac.authorization.k8s.io';
const apiVersion = `${apiGroup}/v1`;

/** What makes rules hold: a role with its binding. */
export interface RoleObjects {
  /** Absent: they always hold. */
  readonly feature?: Feature;
  readonly objects: readonly KubernetesObject[];
}

/** The roles of every feature, each with its binding, so that a feature is granted by itself. */
export function roles(registry: string): RoleObjects[] {
  const rules = accessRules(registry);
  return [undefined, ...features].map((feature) => {
    const ofFeature = rules.filter((rule) => rule.feature === feature);
    return {
      ...(feature !== undefined && { feature }),
      objects: (['cluster', 'namespace'] as const).flatMap((scope) =>
        roleAndBinding(
          roleName(feature),
          scope,
          ofFeature.filter((rule) => rule.scope === scope),
        ),
      ),
    };
  });
}

function roleAndBinding(
  name: string,
  scope: AccessRule['scope'],
  rules: readonly AccessRule[],
): KubernetesObject[] {
  const [first] = rules;
  if (first === undefined) return [];
  const object = scope === 'cluster' ? ofCluster : ofNamespace;
  const kind = scope === 'cluster' ? 'ClusterRole' : 'Role';
  return [
    object(apiVersion, kind, name, { rules: rules.map(policyRule) }),
    object(apiVersion, `${kind}Binding`, name, {
      roleRef: { apiGroup, kind, name },
      subjects: [
        first.holder === 'kubelets'
          ? { apiGroup, kind: 'Group', name: 'system:nodes' }
          : { kind: 'ServiceAccount', name: agentName, namespace: berthNamespace },
      ],
    }),
  ];
}

function policyRule(rule: AccessRule): object {
  const { apiGroup: group = '', resources, resourceNames, nonResourceUrls, verbs } = rule;
  if (nonResourceUrls !== undefined) return { nonResourceURLs: nonResourceUrls, verbs };
  return {
    apiGroups: [group],
    resources,
    ...(resourceNames !== undefined && { resourceNames }),
    verbs,
  };
}
