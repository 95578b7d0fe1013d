import { compactVerify, errors, type JWTPayload } from 'jose';
import type { Credential } from '#features/auth';
import { Refusal } from '#lib/errors.ts';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import { quote } from '#lib/quote.ts';
import type { ClusterKey, KeyedCluster, KeyRing } from './key-ring.ts';
import type { ReviewToken } from './reviews.ts';
import { type ClaimedToken, readToken, subjectOf, type TokenSubject, textOf } from './tokens.ts';
import type { WorkloadVerifier } from './verifier.ts';

export interface TokenVerifierOptions {
  readonly keyRing: () => MaybePromise<KeyRing>;
  /** As image names begin, which is what tokens have to be for. */
  readonly registry: string;
  readonly review: ReviewToken;
  readonly clock: () => number;
}

/** By how much the clocks of API servers may be ahead. A token ends when it says, by ours. */
const aheadSeconds = 60;
/** A token whose pod is asked for is asked for again after this. */
const reviewedMilliseconds = 5 * 60 * 1000;

/** Tells workloads by the ServiceAccount tokens that their nodes bring. */
export function createTokenVerifier(options: TokenVerifierOptions): WorkloadVerifier {
  const { keyRing, registry, review, clock } = options;

  async function verify(text: string): Promise<Credential> {
    const token = readToken(text);
    if (token === undefined)
      throw refused('The password is no ServiceAccount token, though it begins like one.');
    const { thumbprint, cluster } = await signerOf(text, token, await keyRing());
    requireStanding(cluster);
    const { subject, expiresAt } = checkClaims(token.claims, cluster);
    const workload = { cluster: cluster.name, ...subject };
    const end = isReviewed(cluster)
      ? await reviewed(text, cluster, workload, expiresAt)
      : expiresAt;
    return {
      principal: { kind: 'workload', ...workload },
      stamp: `${cluster.id} ${thumbprint} ${end}`,
      expiresAt: end,
    };
  }

  function checkClaims(claims: JWTPayload, cluster: KeyedCluster): CheckedClaims {
    const subject = subjectOf(claims);
    if (subject === undefined) {
      throw refused(
        `The token is signed by cluster ${cluster.name}, but is none of a ServiceAccount.`,
      );
    }
    const whose = nameOf(cluster, subject);
    if (claims.iss !== cluster.issuer) {
      throw refused(
        `The token of ${whose} names the issuer ${quote(textOf(claims.iss), 64)}, not ${quote(cluster.issuer, 64)}: run kubectl -n berth rollout restart deployment/berth-agent.`,
      );
    }
    const audiences = [claims.aud ?? []].flat();
    if (!audiences.includes(registry)) {
      throw refused(
        `The token of ${whose} is for ${quote(audiences.map(textOf).join(', '), 64)}, not for ${registry}: set serviceAccountTokenAudience to ${registry} in the nodes' credential provider configuration.`,
      );
    }
    const { exp, nbf = 0 } = claims;
    if (typeof exp !== 'number' || !Number.isSafeInteger(exp) || exp < 0) {
      throw refused(`The token of ${whose} never expires: only those that do are taken.`);
    }
    if (exp * 1000 <= clock()) {
      throw refused(
        `The token of ${whose} has expired, by this server's clock: pull again for a new one, and compare the node's clock.`,
      );
    }
    if (typeof nbf !== 'number' || nbf * 1000 > clock() + aheadSeconds * 1000) {
      throw refused(
        `The token of ${whose} is not valid yet, by this server's clock: set the clocks of both machines.`,
      );
    }
    return { subject, expiresAt: exp * 1000 };
  }

  async function reviewed(
    text: string,
    cluster: KeyedCluster,
    subject: TokenSubject,
    expiresAt: number,
  ): Promise<number> {
    const { authenticated, reason } = await review(cluster, text);
    if (authenticated) return Math.min(expiresAt, clock() + reviewedMilliseconds);
    const because = reason === undefined ? '' : ` (${quote(reason, 64)})`;
    throw refused(
      `Cluster ${cluster.name} does not know the token of ${nameOf(cluster, subject)} any more${because}: its pod or its ServiceAccount is gone.`,
    );
  }

  return {
    verify: (_username, password) => verify(password),
    recall: (workload, stamp) =>
      chain(keyRing(), (ring) => {
        const [id, thumbprint = '', end = ''] = stamp.split(' ');
        const cluster = ring.byThumbprint(thumbprint)?.cluster;
        if (
          cluster === undefined ||
          String(cluster.id) !== id ||
          cluster.name !== workload.cluster
        ) {
          throw refused(
            `Cluster ${workload.cluster} does not use the key of this token any more, or is disconnected: pull again.`,
          );
        }
        requireStanding(cluster);
        const expiresAt = Number(end);
        if (!(expiresAt > clock())) {
          throw refused(`The token of ${nameOf(cluster, workload)} has expired: pull again.`);
        }
        return { principal: workload, stamp, expiresAt };
      }),
  };
}

interface CheckedClaims {
  readonly subject: TokenSubject;
  readonly expiresAt: number;
}

/** @throws {Refusal} unless a key of a cluster signed the token */
async function signerOf(text: string, token: ClaimedToken, ring: KeyRing): Promise<ClusterKey> {
  const candidates = ring.candidates(token.kid, token.claims.iss);
  for (const key of candidates) {
    if (await isSignedBy(text, key)) return key;
  }
  const issuer = quote(textOf(token.claims.iss), 64);
  throw refused(
    candidates.length > 0 && token.kid !== undefined
      ? 'The ServiceAccount token is not signed by the key that it names: it is forged or damaged. Pull again.'
      : `The ServiceAccount token (issuer ${issuer}) is signed by a key of no cluster that is connected here: connect its cluster with berth cluster connect NAME.`,
  );
}

async function isSignedBy(text: string, { publicKey, algorithms }: ClusterKey): Promise<boolean> {
  try {
    await compactVerify(text, publicKey, { algorithms: [...algorithms] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

function requireStanding(cluster: KeyedCluster): void {
  if (!cluster.disconnecting) return;
  throw refused(
    `Cluster ${cluster.name} is being disconnected: to keep it, run berth cluster connect ${cluster.name} once it is.`,
  );
}

function isReviewed({ settings }: KeyedCluster): boolean {
  return JSON.parse(settings).review_tokens === true;
}

function nameOf(cluster: KeyedCluster, { namespace, serviceAccount }: TokenSubject): string {
  return `${cluster.name}/${namespace}/${serviceAccount}`;
}

function refused(message: string): Refusal {
  return new Refusal('unauthenticated', message);
}
