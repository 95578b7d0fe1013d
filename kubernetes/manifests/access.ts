import {
  agentName,
  berthNamespace,
  connectSecretName,
  daemonSetNames,
  identitySecretName,
  nodeName,
  pullSecretName,
  testPodName,
  webhookSecretName,
} from './names.ts';

/** What is asked for only where a setting of the cluster wants it. */
export type Feature = 'pull-secrets' | 'webhook' | 'token-review' | 'credential-provider';

export const features: readonly Feature[] = [
  'pull-secrets',
  'webhook',
  'token-review',
  'credential-provider',
];

/** A rule of RBAC, and why it cannot be less. */
export interface AccessRule {
  /** The whole cluster, or the namespace `berth`. */
  readonly scope: 'cluster' | 'namespace';
  /** Absent: always. */
  readonly feature?: Feature;
  /** The agent, unless it says otherwise. */
  readonly holder?: 'kubelets';
  /** `''` is the core group. */
  readonly apiGroup?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceUrls?: readonly string[];
  readonly verbs: readonly string[];
  readonly reason: string;
}

const rbac = 'rbac.authorization.k8s.io';
const admission = 'admissionregistration.k8s.io';

/**
 * Everything that Berth may do in a cluster. Where `create` stands beside `resourceNames`, objects
 * are created by server-side apply: its name is part of the request, so that RBAC can hold it to
 * that name, which a POST cannot be.
 * @param registry the audience of the tokens that kubelets may ask for: `host[:port]`
 */
export function accessRules(registry: string): readonly AccessRule[] {
  return [
    ...inventory,
    ...ownNamespace,
    ...removal,
    ...pullSecrets,
    ...webhook,
    {
      scope: 'cluster',
      feature: 'token-review',
      apiGroup: 'authentication.k8s.io',
      resources: ['tokenreviews'],
      verbs: ['create'],
      reason: 'ask whether the pod of a token still exists before its pull is answered',
    },
    {
      scope: 'cluster',
      feature: 'credential-provider',
      holder: 'kubelets',
      apiGroup: '',
      resources: [registry],
      verbs: ['request-serviceaccounts-token-audience'],
      reason: 'kubelets ask for tokens that are good for this registry and for nothing else',
    },
  ];
}

const inventory: readonly AccessRule[] = [
  {
    scope: 'cluster',
    apiGroup: '',
    resources: ['nodes'],
    verbs: ['get', 'list', 'watch'],
    reason: 'say of each node whether it trusts the registry, and choose the image that runs there',
  },
  {
    scope: 'cluster',
    apiGroup: '',
    resources: ['namespaces'],
    verbs: ['get', 'list', 'watch'],
    reason: 'tell the cluster by its kube-system, and know which namespaces grants are for',
  },
  {
    scope: 'cluster',
    nonResourceUrls: ['/.well-known/openid-configuration', '/openid/v1/jwks', '/version'],
    verbs: ['get'],
    reason: 'report the public keys by which the registry verifies tokens of this cluster',
  },
];

const ownNamespace: readonly AccessRule[] = [
  {
    scope: 'namespace',
    apiGroup: 'coordination.k8s.io',
    resources: ['leases'],
    resourceNames: [agentName],
    verbs: ['create', 'get', 'patch', 'update'],
    reason: 'let one agent act at a time',
  },
  {
    scope: 'namespace',
    apiGroup: '',
    resources: ['secrets'],
    resourceNames: [connectSecretName],
    verbs: ['delete', 'get', 'list', 'watch'],
    reason: 'take the connect token as soon as it is there',
  },
  {
    scope: 'namespace',
    apiGroup: '',
    resources: ['secrets'],
    resourceNames: [identitySecretName],
    verbs: ['create', 'get', 'patch'],
    reason: 'keep the identity that the token is exchanged for',
  },
  {
    scope: 'namespace',
    apiGroup: '',
    resources: ['serviceaccounts/token'],
    resourceNames: [agentName],
    verbs: ['create'],
    reason: 'prove to the registry that it runs in this cluster',
  },
  {
    scope: 'namespace',
    apiGroup: '',
    resources: ['configmaps'],
    resourceNames: [nodeName],
    verbs: ['create', 'delete', 'get', 'patch'],
    reason: 'change what nodes are given when certificates or settings change',
  },
  {
    scope: 'namespace',
    apiGroup: 'apps',
    resources: ['daemonsets'],
    resourceNames: daemonSetNames,
    verbs: ['create', 'delete', 'patch'],
    reason:
      'run on new kinds of nodes, and take the files off nodes on disconnect (these pods are root on their nodes)',
  },
  {
    scope: 'namespace',
    apiGroup: 'apps',
    resources: ['daemonsets'],
    verbs: ['list'],
    reason: 'see which of them there are',
  },
  {
    scope: 'namespace',
    apiGroup: '',
    resources: ['pods'],
    verbs: ['get', 'list', 'watch'],
    reason: 'see on which nodes its pods run, and why one does not',
  },
  {
    scope: 'namespace',
    apiGroup: '',
    resources: ['pods'],
    verbs: ['patch'],
    reason: 'annotate its pods on nodes, so that kubelets hand them changed files at once',
  },
  {
    scope: 'namespace',
    apiGroup: '',
    resources: ['pods/log'],
    verbs: ['get'],
    reason: 'read what its pods found on their nodes',
  },
  {
    scope: 'namespace',
    apiGroup: '',
    resources: ['pods'],
    resourceNames: [testPodName],
    verbs: ['create', 'delete'],
    reason: 'show by a pod of its own that pulling works',
  },
];

const removal: readonly AccessRule[] = [
  {
    scope: 'namespace',
    apiGroup: '',
    resources: ['namespaces'],
    resourceNames: [berthNamespace],
    verbs: ['delete'],
    reason: 'leave nothing behind on disconnect',
  },
  {
    scope: 'cluster',
    apiGroup: rbac,
    resources: ['clusterroles', 'clusterrolebindings'],
    resourceNames: roleNames(),
    verbs: ['delete', 'get', 'patch'],
    reason:
      'hand its own roles to the garbage collector on disconnect (Kubernetes lets nobody widen a role by this)',
  },
  {
    scope: 'cluster',
    apiGroup: admission,
    resources: ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
    resourceNames: [agentName],
    verbs: ['delete'],
    reason: 'take away the policy that bounds it, on disconnect',
  },
];

const pullSecrets: readonly AccessRule[] = [
  {
    scope: 'cluster',
    feature: 'pull-secrets',
    apiGroup: '',
    resources: ['secrets'],
    resourceNames: [pullSecretName],
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'],
    reason: 'place, rotate and remove the Secret of this one name; no other can be read',
  },
  {
    scope: 'cluster',
    feature: 'pull-secrets',
    apiGroup: '',
    resources: ['serviceaccounts'],
    verbs: ['get', 'list', 'patch', 'watch'],
    reason: 'name that Secret in their imagePullSecrets, which can be of any name',
  },
  {
    scope: 'cluster',
    feature: 'pull-secrets',
    apiGroup: '',
    resources: ['pods'],
    verbs: ['get', 'list', 'watch'],
    reason: 'find pods that were there before their credentials',
  },
  {
    scope: 'cluster',
    feature: 'pull-secrets',
    apiGroup: '',
    resources: ['pods/eviction'],
    verbs: ['create'],
    reason:
      'have such a pod replaced when it cannot pull and something recreates it; disruption budgets hold',
  },
  {
    scope: 'cluster',
    feature: 'pull-secrets',
    apiGroup: '',
    resources: ['events'],
    verbs: ['create'],
    reason: 'say on such a pod why it was evicted, or what its owner has to do',
  },
];

const webhook: readonly AccessRule[] = [
  {
    scope: 'cluster',
    feature: 'webhook',
    apiGroup: admission,
    resources: ['mutatingwebhookconfigurations'],
    resourceNames: [agentName],
    verbs: ['create', 'delete', 'get', 'patch'],
    reason: 'install the webhook of this one name, and keep its certificate current',
  },
  {
    scope: 'namespace',
    feature: 'webhook',
    apiGroup: '',
    resources: ['secrets'],
    resourceNames: [webhookSecretName],
    verbs: ['create', 'delete', 'get', 'patch'],
    reason: 'keep the key of that certificate',
  },
];

/** The name of the roles that hold the rules of a feature; of those that always hold, without one. */
export function roleName(feature: Feature | undefined): string {
  return feature === undefined ? agentName : `${agentName}-${feature}`;
}

function roleNames(): readonly string[] {
  return [undefined, ...features].map(roleName);
}

/** Those rules that hold with these features. */
export function wantedRules(registry: string, wanted: ReadonlySet<Feature>): AccessRule[] {
  return accessRules(registry).filter(
    ({ feature }) => feature === undefined || wanted.has(feature),
  );
}
