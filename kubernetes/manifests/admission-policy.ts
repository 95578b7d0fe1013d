import { agentName, berthNamespace, pullSecretName } from './names.ts';
import { type KubernetesObject, ofCluster } from './object.ts';

const apiVersion = 'admissionregistration.k8s.io/v1';

/** Kubernetes has these policies, of that version, from this minor release on. */
export const admissionPoliciesSince = 30;

const agent = `system:serviceaccount:${berthNamespace}:${agentName}`;
/** Whose ServiceAccounts run Kubernetes itself. */
const untouched = ['kube-system', 'kube-public', 'kube-node-lease'];
const systemNamespaces = `[${untouched.map((name) => `'${name}'`).join(', ')}]`;

interface Validation {
  readonly expression: string;
  readonly message: string;
}

/**
 * Holds the agent to what RBAC cannot say. A Secret of type service-account-token is filled by
 * Kubernetes with a token of the ServiceAccount that it names: whoever may write and read a Secret
 * of any type, if only under one name, could become any ServiceAccount of the cluster.
 */
export function admissionPolicy(): KubernetesObject[] {
  return [
    ofCluster(apiVersion, 'ValidatingAdmissionPolicy', agentName, {
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              operations: ['CREATE', 'UPDATE'],
              resources: ['secrets', 'serviceaccounts', 'pods/eviction'],
            },
          ],
        },
        matchConditions: [
          { name: 'by-the-agent', expression: `request.userInfo.username == '${agent}'` },
        ],
        validations,
      },
    }),
    ofCluster(apiVersion, 'ValidatingAdmissionPolicyBinding', agentName, {
      spec: { policyName: agentName, validationActions: ['Deny'] },
    }),
  ];
}

const validations: readonly Validation[] = [
  {
    // Evictions too: nobody is given a pull secret there.
    expression: `!(request.namespace in ${systemNamespaces})`,
    message: 'The agent of Berth leaves the namespaces of Kubernetes alone.',
  },
  {
    expression: [
      `request.resource.resource != 'secrets'`,
      `(request.namespace == '${berthNamespace}' && object.type in ['Opaque', 'kubernetes.io/tls'])`,
      `(object.metadata.name == '${pullSecretName}' && object.type == 'kubernetes.io/dockerconfigjson')`,
    ].join(' || '),
    message: `Outside its namespace the agent of Berth writes pull secrets named ${pullSecretName} only.`,
  },
  {
    expression: [
      `request.resource.resource != 'serviceaccounts'`,
      [
        'oldObject != null',
        `object.?secrets.orValue([]) == oldObject.?secrets.orValue([])`,
        `object.?automountServiceAccountToken == oldObject.?automountServiceAccountToken`,
        `object.metadata.?labels.orValue({}) == oldObject.metadata.?labels.orValue({})`,
        `object.metadata.?annotations.orValue({}) == oldObject.metadata.?annotations.orValue({})`,
        // An owner that is not there has the garbage collector delete it; a finalizer keeps it.
        `object.metadata.?ownerReferences.orValue([]) == oldObject.metadata.?ownerReferences.orValue([])`,
        `object.metadata.?finalizers.orValue([]) == oldObject.metadata.?finalizers.orValue([])`,
      ].join(' && '),
    ].join(' || '),
    message: 'Of a ServiceAccount the agent of Berth changes imagePullSecrets only.',
  },
];
