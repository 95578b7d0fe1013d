import type { IncomingMessage } from 'node:http';
import { Refusal } from '#lib/errors.ts';
import type { Reader } from '#server/database/database.ts';
import { bearerOf } from '../bearer.ts';
import { type ConnectionLookups, type IdentityRow, keysOf } from '../connection-queries.ts';
import { verifyProof } from '../enrolment/proof.ts';
import type { ClusterSecrets } from '../secrets.ts';

export interface IdentifyAgentOptions {
  readonly read: Reader;
  readonly lookups: ConnectionLookups;
  readonly secrets: ClusterSecrets;
  readonly registry: string;
  readonly now: () => number;
}

/** Beside the identity: a ServiceAccount token of the cluster, just issued. */
const proofHeader = 'berth-cluster-proof';
const longestProof = 8_192;

/**
 * Tells which cluster's agent opens a connection. Its secret alone says nothing: who stole it lacks
 * the cluster's own key.
 * @returns the request's identity
 * @throws {Refusal} `unauthenticated`
 */
export function createIdentifyAgent(
  options: IdentifyAgentOptions,
): (request: IncomingMessage) => Promise<IdentityRow> {
  const { read, lookups, secrets, registry, now } = options;
  return async ({ headers }) => {
    const secretHmac = secrets.hmacOfIdentity(bearerOf(headers.authorization));
    const identity = secretHmac && (await lookups.identity(secretHmac));
    if (identity === undefined) {
      throw new Refusal(
        'unauthenticated',
        'This registry does not know this agent: its cluster was disconnected, or connected anew since. Run berth cluster connect NAME for a new command, or kubectl delete namespace berth to remove the agent.',
      );
    }
    const proof = headers[proofHeader];
    if (typeof proof !== 'string' || proof === '' || proof.length > longestProof) {
      throw new Refusal(
        'unauthenticated',
        `The agent of ${identity.name} shows no ServiceAccount token of its cluster in ${proofHeader}.`,
      );
    }
    try {
      const keys = await keysOf(read, identity.cluster_id);
      const issuer = identity.issuer ?? '';
      await verifyProof({ token: proof, keys, issuer, registry, now: now() });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new Refusal(
        'unauthenticated',
        `${error.message} If the cluster ${identity.name} has got new ServiceAccount keys while its agent was away, run berth cluster connect ${identity.name} again.`,
        { cause: error },
      );
    }
    return identity;
  };
}
