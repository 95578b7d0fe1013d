import type { AgentIdentity, ClusterProof } from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import { findToken } from '../queries.ts';
import type { ClusterSecrets } from '../secrets.ts';
import { enrolCluster, noteEnrolmentProblem, unknownToken } from '../writes/enrolment.ts';
import { readKeys } from './keys.ts';
import { verifyProof } from './proof.ts';

export interface EnrolOptions {
  readonly database: Database;
  readonly secrets: ClusterSecrets;
  /** As image names begin. */
  readonly registry: string;
  readonly now: () => number;
}

/**
 * Exchanges a connect token for an identity of the cluster that `proof` shows. Why it was refused
 * is kept for whoever looks at the cluster's checklist.
 * @throws {Refusal} `unauthenticated`, `invalid`, `conflict`
 */
export async function enrol(
  connectToken: string,
  proof: ClusterProof,
  { database, secrets, registry, now }: EnrolOptions,
): Promise<AgentIdentity> {
  const tokenHmac = secrets.hmacOfConnectToken(connectToken);
  // Before anything that takes long: who has no token at all is not worth it.
  if (tokenHmac === undefined || (await findToken(database.read, tokenHmac)) === undefined) {
    throw unknownToken();
  }
  try {
    const { uid, issuer, kubernetesVersion, serviceAccountToken: token } = proof;
    const keys = await readKeys(proof.keys);
    const proven = await verifyProof({ token, keys, issuer, registry, now: now() });
    const { secret, hmac } = secrets.identity();
    const cluster = await database.write(enrolCluster, {
      tokenHmac,
      identityHmac: hmac,
      uid,
      issuer,
      kubernetesVersion,
      keys: keys.map(({ thumbprint, jwk }) => ({ thumbprint, jwk: JSON.stringify(jwk) })),
      proven: proven.thumbprint,
      now: now(),
    });
    return { cluster, secret };
  } catch (error) {
    if (error instanceof Refusal) {
      await database.write(noteEnrolmentProblem, { tokenHmac, problem: error.message });
    }
    throw error;
  }
}
