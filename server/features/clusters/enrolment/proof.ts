import { decodeProtectedHeader, errors, importJWK, jwtVerify } from 'jose';
import { agentAudience } from '#contract/agent.ts';
import { Refusal } from '#lib/errors.ts';
import { algorithmsOf, type ClusterKey } from './keys.ts';

/** Of the agent's own ServiceAccount. */
const agentSubject = 'system:serviceaccount:berth:berth-agent';
/** Clocks of clusters and of this server differ. */
const clockTolerance = 60;

export interface ProofToken {
  readonly token: string;
  /** Whose clusters' tokens count: the keys that were reported, or that are on record. */
  readonly keys: readonly ClusterKey[];
  readonly issuer: string;
  /** As image names begin. */
  readonly registry: string;
  readonly now: number;
}

/**
 * The key that signed the token by which an agent shows which cluster it runs in.
 * @throws {Refusal} `unauthenticated`
 */
export async function verifyProof(proof: ProofToken): Promise<ClusterKey> {
  const { token, keys, issuer, registry, now } = proof;
  for (const key of candidates(token, keys)) {
    try {
      const allowed = [...algorithmsOf(key.jwk)];
      const publicKey = await importJWK(key.jwk, allowed[0]);
      await jwtVerify(token, publicKey, {
        algorithms: allowed,
        issuer,
        audience: agentAudience(registry),
        subject: agentSubject,
        requiredClaims: ['exp'],
        clockTolerance,
        currentDate: new Date(now),
      });
      return key;
    } catch (error) {
      if (
        error instanceof errors.JWSSignatureVerificationFailed ||
        error instanceof errors.JOSEAlgNotAllowed
      ) {
        continue;
      }
      throw refused(reasonOf(error, issuer, registry), error);
    }
  }
  throw refused('no key of the cluster that this registry knows signed it');
}

/** Those of the token's `kid` first: it may be missing, or not unique. */
function candidates(token: string, keys: readonly ClusterKey[]): readonly ClusterKey[] {
  try {
    const { kid } = decodeProtectedHeader(token);
    return keys.toSorted(
      (one, other) => Number(other.jwk.kid === kid) - Number(one.jwk.kid === kid),
    );
  } catch (error) {
    throw refused('it is no JSON Web Token', error);
  }
}

function reasonOf(error: unknown, issuer: string, registry: string): string {
  if (error instanceof errors.JWTExpired) {
    return "it has expired: compare the cluster's clock with this server's";
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    switch (error.claim) {
      case 'iss':
        return `its issuer is not ${issuer.slice(0, 256)}`;
      case 'aud':
        return `it is not for ${agentAudience(registry)}`;
      case 'sub':
        return `it is not of ${agentSubject}`;
      case 'nbf':
        return "it is not valid yet: compare the cluster's clock with this server's";
      default:
        return `its claim ${error.claim} does not fit`;
    }
  }
  return 'it cannot be read';
}

function refused(reason: string, cause?: unknown): Refusal {
  return new Refusal(
    'unauthenticated',
    `The ServiceAccount token that the agent showed proves no cluster: ${reason}.`,
    { cause },
  );
}
