import type {
  ConfigMap,
  DaemonSet,
  Deployment,
  KubernetesObject,
  Lease,
  Namespace,
  Node,
  Pod,
  Secret,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  ServiceAccount,
  TokenReview,
} from './objects.ts';

/** What the API server serves under one path, and the shape of its objects. */
export interface Resource<Item = KubernetesObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** As in paths. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never there: it carries the type. */
  readonly item?: Item;
}

/** Where an object stands. */
export interface ObjectPlace {
  readonly name: string;
  /** For namespaced resources only. */
  readonly namespace?: string | undefined;
}

function resource<Item>(
  apiVersion: string,
  kind: string,
  plural: string,
  scope: 'namespaced' | 'cluster',
): Resource<Item> {
  const [first = '', second] = apiVersion.split('/');
  const group = second === undefined ? '' : first;
  return { group, version: second ?? first, kind, plural, namespaced: scope === 'namespaced' };
}

const rbac = 'rbac.authorization.k8s.io/v1';
const admission = 'admissionregistration.k8s.io/v1';

export const resources = {
  namespaces: resource<Namespace>('v1', 'Namespace', 'namespaces', 'cluster'),
  nodes: resource<Node>('v1', 'Node', 'nodes', 'cluster'),
  secrets: resource<Secret>('v1', 'Secret', 'secrets', 'namespaced'),
  configMaps: resource<ConfigMap>('v1', 'ConfigMap', 'configmaps', 'namespaced'),
  serviceAccounts: resource<ServiceAccount>(
    'v1',
    'ServiceAccount',
    'serviceaccounts',
    'namespaced',
  ),
  services: resource<KubernetesObject>('v1', 'Service', 'services', 'namespaced'),
  pods: resource<Pod>('v1', 'Pod', 'pods', 'namespaced'),
  events: resource<KubernetesObject>('v1', 'Event', 'events', 'namespaced'),
  daemonSets: resource<DaemonSet>('apps/v1', 'DaemonSet', 'daemonsets', 'namespaced'),
  deployments: resource<Deployment>('apps/v1', 'Deployment', 'deployments', 'namespaced'),
  leases: resource<Lease>('coordination.k8s.io/v1', 'Lease', 'leases', 'namespaced'),
  roles: resource<KubernetesObject>(rbac, 'Role', 'roles', 'namespaced'),
  roleBindings: resource<KubernetesObject>(rbac, 'RoleBinding', 'rolebindings', 'namespaced'),
  clusterRoles: resource<KubernetesObject>(rbac, 'ClusterRole', 'clusterroles', 'cluster'),
  clusterRoleBindings: resource<KubernetesObject>(
    rbac,
    'ClusterRoleBinding',
    'clusterrolebindings',
    'cluster',
  ),
  mutatingWebhookConfigurations: resource<KubernetesObject>(
    admission,
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    'cluster',
  ),
  validatingAdmissionPolicies: resource<KubernetesObject>(
    admission,
    'ValidatingAdmissionPolicy',
    'validatingadmissionpolicies',
    'cluster',
  ),
  validatingAdmissionPolicyBindings: resource<KubernetesObject>(
    admission,
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
    'cluster',
  ),
  tokenReviews: resource<TokenReview>(
    'authentication.k8s.io/v1',
    'TokenReview',
    'tokenreviews',
    'cluster',
  ),
  selfSubjectRulesReviews: resource<SelfSubjectRulesReview>(
    'authorization.k8s.io/v1',
    'SelfSubjectRulesReview',
    'selfsubjectrulesreviews',
    'cluster',
  ),
  selfSubjectAccessReviews: resource<SelfSubjectAccessReview>(
    'authorization.k8s.io/v1',
    'SelfSubjectAccessReview',
    'selfsubjectaccessreviews',
    'cluster',
  ),
} as const;

export function apiVersionOf({ group, version }: Resource<unknown>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The path of a resource: of one object where a name is given, else of all of a namespace or all. */
export function pathOf(
  { group, version, plural, namespaced }: Resource<unknown>,
  place: Partial<ObjectPlace> = {},
  subresource?: string,
): string {
  const { name, namespace } = place;
  if (name !== undefined && namespaced !== (namespace !== undefined)) {
    throw new TypeError(`${plural} ${namespaced ? 'stand in a namespace' : 'have no namespace'}`);
  }
  return [
    group === '' ? '/api' : `/apis/${group}`,
    version,
    ...(namespace === undefined ? [] : ['namespaces', segment(namespace)]),
    plural,
    ...(name === undefined ? [] : [segment(name)]),
    ...(subresource === undefined ? [] : [subresource]),
  ].join('/');
}

/** A name that would lead elsewhere in the API is no name. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..') {
    throw new TypeError(`${JSON.stringify(name)} is no name of a Kubernetes object`);
  }
  return encodeURIComponent(name);
}
