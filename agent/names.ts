/** Everything of ours in a cluster stands in this namespace, or bears the name of one of ours. */
export const berthNamespace = 'berth';
/** ServiceAccount, Deployment, roles and Lease. */
export const agentName = 'berth-agent';
export const connectSecretName = 'berth-connect';
export const identitySecretName = 'berth-agent-identity';
/** Key of the Secret `berth-connect`. */
export const connectTokenKey = 'token';
export const testPodName = 'berth-test-pull';

/** On every object of ours in a cluster. */
export const ourLabels: Readonly<Record<string, string>> = {
  'app.kubernetes.io/managed-by': 'berth',
  'app.kubernetes.io/part-of': 'berth',
};
