import { hkdfSync } from 'node:crypto';
import { createMachineSecret, hmacOfMachineSecret, isMachineSecret } from '#features/auth';
import { open, seal } from '#lib/sealing.ts';

/** What a connect token begins with. */
const connectTokenPrefix = 'berth_connect_';
/** What the secret of an agent's identity begins with. */
const identityPrefix = 'berth_agent_';

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
  /** What an agent is asked may hold a token, which no process but ours is to read on its way. */
  sealRequest(id: string, parameters: unknown): string;
  /** @throws {SealBroken} */
  openRequest(id: string, sealed: string): unknown;
}

export function clusterSecrets(key: Uint8Array): ClusterSecrets {
  const requestKey = new Uint8Array(hkdfSync('sha256', key, '', 'requests to agents', 32));
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
    sealRequest: (id, parameters) =>
      Buffer.from(seal(requestKey, Buffer.from(JSON.stringify(parameters)), id)).toString('base64'),
    openRequest: (id, sealed) =>
      JSON.parse(String(Buffer.from(open(requestKey, Buffer.from(sealed, 'base64'), id)))),
  };
}
