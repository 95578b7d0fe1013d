import type { AgentIdentity } from '#contract/agent.ts';
import { type KubernetesApi, resources, type Secret } from '#kubernetes/api/index.ts';
import {
  berthNamespace,
  connectSecretName,
  connectTokenKey,
  identitySecretName,
  ourLabels,
} from '#kubernetes/manifests/names.ts';
import { Refusal } from '#lib/errors.ts';
import type { Log } from '../log.ts';

/** An identity, and since when it is the agent's. */
export interface HeldIdentity extends AgentIdentity {
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
}

/** What the agent proves itself with, kept in a Secret of its cluster. */
export interface Identities {
  /**
   * The identity to connect by. A connect token that waits is exchanged first: whoever put it there
   * wants this cluster connected anew.
   * @throws {Refusal} where there is neither, or the token was refused and nothing else is there
   */
  current(): Promise<HeldIdentity>;
  /** In the Secret when this resolves; only then may it be used. */
  keep(identity: AgentIdentity): Promise<HeldIdentity>;
  /** An identity was taken by the server: the connect token has served its turn. */
  worked(): Promise<void>;
}

export interface IdentitiesOptions {
  readonly api: KubernetesApi;
  readonly registry: string;
  readonly cluster: string;
  readonly exchange: (token: string) => Promise<AgentIdentity>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const identityPlace = { name: identitySecretName, namespace: berthNamespace };
const connectPlace = { name: connectSecretName, namespace: berthNamespace };

export function createIdentities(options: IdentitiesOptions): Identities {
  const { api, registry, cluster, exchange, log, signal } = options;
  /** The connect Secret that was looked at last, and what the server said of its token. */
  let lastUid: string | undefined;
  let refused: { readonly token: string; readonly error: Refusal } | undefined;

  async function waitingToken(): Promise<string | undefined> {
    const secret = await api.find(resources.secrets, connectPlace, { signal });
    lastUid = secret?.metadata.uid;
    return textOf(secret, connectTokenKey)?.trim() || undefined;
  }

  async function kept(): Promise<HeldIdentity | undefined> {
    const found = await api.find(resources.secrets, identityPlace, { signal });
    const secret = textOf(found, 'secret');
    // One of another registry is none here.
    if (!secret || textOf(found, 'registry') !== registry) return undefined;
    return {
      cluster: textOf(found, 'cluster') ?? cluster,
      secret,
      issuedAt: Date.parse(textOf(found, 'issued') ?? '') || 0,
    };
  }

  async function keep(identity: AgentIdentity): Promise<HeldIdentity> {
    const issuedAt = Date.now();
    const data = {
      cluster: identity.cluster,
      secret: identity.secret,
      registry,
      issued: new Date(issuedAt).toISOString(),
    };
    const body: Secret = {
      metadata: { ...identityPlace, labels: ourLabels },
      type: 'Opaque',
      data: Object.fromEntries(
        Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
      ),
    };
    const patch = { type: 'apply', body, force: true } as const;
    await api.patch(resources.secrets, identityPlace, patch, { signal });
    return { ...identity, issuedAt };
  }

  async function exchanged(token: string): Promise<HeldIdentity | undefined> {
    if (refused?.token === token) return undefined;
    try {
      const identity = await exchange(token);
      log.info('The connect token was exchanged for an identity.', { cluster: identity.cluster });
      return await keep(identity);
    } catch (error) {
      const final =
        error instanceof Refusal && ['unauthenticated', 'conflict', 'denied'].includes(error.kind);
      if (!final) throw error;
      refused = { token, error };
      log.failure('The connect token was refused', error);
      return undefined;
    }
  }

  return {
    current: async () => {
      const token = await waitingToken();
      const identity = (token && (await exchanged(token))) || (await kept());
      if (identity !== undefined) return identity;
      throw token !== undefined && refused !== undefined ? refused.error : nothingToGoBy(cluster);
    },
    keep,
    worked: async () => {
      if (lastUid === undefined) return;
      await api.delete(resources.secrets, connectPlace, { uid: lastUid, signal });
      lastUid = undefined;
    },
  };
}

function nothingToGoBy(cluster: string): Refusal {
  return new Refusal(
    'unauthenticated',
    `There is no connect token (Secret ${connectSecretName}) and no identity (Secret ${identitySecretName}) in the namespace ${berthNamespace}: run the command that \`berth cluster connect ${cluster}\` prints.`,
  );
}

function textOf(secret: Secret | undefined, key: string): string | undefined {
  const value = secret?.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}
