/** Everything of ours in a cluster stands in this namespace, or bears the name of one of ours. */
export const berthNamespace = 'berth';
/** ServiceAccount, Deployment, roles, Lease, webhook and admission policy. */
export const agentName = 'berth-agent';
/** ServiceAccount without rights, ConfigMap, and DaemonSet; more DaemonSets count up from `-2`. */
export const nodeName = 'berth-node';
export const connectSecretName = 'berth-connect';
export const identitySecretName = 'berth-agent-identity';
export const webhookSecretName = 'berth-agent-webhook';
export const pullSecretName = 'berth-pull';
export const testPodName = 'berth-test-pull';

/** Helm writes its own name over managed-by: what is ours is told by part-of. */
export const ourLabels: Readonly<Record<string, string>> = {
  'app.kubernetes.io/managed-by': 'berth',
  'app.kubernetes.io/part-of': 'berth',
};

/** More kinds of nodes than that share the last DaemonSet's image. */
export const mostDaemonSets = 8;

export const daemonSetNames: readonly string[] = Array.from(
  { length: mostDaemonSets },
  (_, index) => (index === 0 ? nodeName : `${nodeName}-${index + 1}`),
);

/** What the agent finds in its environment, and where. */
export const agentEnvironment = {
  /** `host[:port]`, as image names begin. */
  registry: 'BERTH_REGISTRY',
  cluster: 'BERTH_CLUSTER',
  /** `https://host[:port]`, divided by commas; empty where the name is reached. */
  addresses: 'BERTH_ADDRESSES',
  /** The file of PEM; absent where every machine trusts the registry anyway. */
  authorities: 'BERTH_AUTHORITIES',
  /** Of the agent's own pod, by which it holds the Lease. */
  pod: 'BERTH_POD',
} as const;

/** Where the agent finds the authorities, as the ConfigMap `berth-node` has them. */
export const agentFolder = '/etc/berth';
/** Key of the Secret `berth-connect`. */
export const connectTokenKey = 'token';

export const agentPorts = { health: 8080, webhook: 8443 } as const;
export const agentProbes = { live: '/healthz', ready: '/readyz' } as const;
