import { createMachineSecret, hmacOfMachineSecret, isMachineSecret } from '#features/auth';

/** What a connect token begins with. */
export const connectTokenPrefix = 'berth_connect_';
/** What the secret of an agent's identity begins with. */
export const identityPrefix = 'berth_agent_';

export interface NewSecret {
  readonly secret: string;
  readonly hmac: Buffer;
}

/** Makes the secrets of clusters, and tells what is stored of them. */
export interface ClusterSecrets {
  connectToken(): NewSecret;
  identity(): NewSecret;
  /** Undefined where `text` is nothing that `connectToken` makes. */
  hmacOfConnectToken(text: string): Buffer | undefined;
  /** Undefined where `text` is nothing that `identity` makes. */
  hmacOfIdentity(text: string): Buffer | undefined;
}

export function clusterSecrets(key: Uint8Array): ClusterSecrets {
  type Prefix = typeof connectTokenPrefix | typeof identityPrefix;
  const make = (prefix: Prefix): NewSecret => {
    const secret = createMachineSecret(prefix);
    return { secret, hmac: hmacOfMachineSecret(key, secret) };
  };
  const hmacOf = (prefix: Prefix, text: string) =>
    isMachineSecret(prefix, text) ? hmacOfMachineSecret(key, text) : undefined;
  return {
    connectToken: () => make(connectTokenPrefix),
    identity: () => make(identityPrefix),
    hmacOfConnectToken: (text) => hmacOf(connectTokenPrefix, text),
    hmacOfIdentity: (text) => hmacOf(identityPrefix, text),
  };
}
