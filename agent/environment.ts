/** All that the agent takes from its surroundings. */
export interface AgentEnvironment {
  /** BERTH_REGISTRY: `host[:port]`, as image names begin. */
  readonly registry: string;
  /** BERTH_CLUSTER: the name that this cluster is to be connected under. */
  readonly cluster: string;
  /** BERTH_ADDRESSES: `https://host[:port],…`, where it is reached instead of by its name. */
  readonly addresses: readonly string[];
  /** BERTH_AUTHORITIES: a PEM file of what signs its certificate. */
  readonly authorities: string | undefined;
  /** BERTH_POD: the pod that this process runs in. */
  readonly pod: string;
  /** BERTH_VERSION: of the image that it runs from. */
  readonly version: string | undefined;
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which every pod has. */
  readonly apiHost: string;
  readonly apiPort: string;
}

/** @throws {Error} which variable is missing */
export function readEnvironment(): AgentEnvironment {
  const { BERTH_ADDRESSES = '', BERTH_AUTHORITIES, BERTH_VERSION } = process.env;
  return {
    registry: required('BERTH_REGISTRY'),
    cluster: required('BERTH_CLUSTER'),
    addresses: BERTH_ADDRESSES.split(',').filter((address) => address !== ''),
    authorities: BERTH_AUTHORITIES || undefined,
    pod: required('BERTH_POD'),
    version: BERTH_VERSION || undefined,
    apiHost: required('KUBERNETES_SERVICE_HOST'),
    apiPort: required('KUBERNETES_SERVICE_PORT'),
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(
    `${name} is not set. The agent runs in a pod of the Deployment that \`berth cluster connect\` makes.`,
  );
}
