import { createHash } from 'node:crypto';
import { createBoundedCache } from '#lib/bounded-cache.ts';
import { Refusal } from '#lib/errors.ts';

export interface TokenReview {
  readonly authenticated: boolean;
  readonly reason?: string | undefined;
}

export interface ReviewedCluster {
  readonly id: number;
  readonly name: string;
}

/**
 * Asks a cluster whether the pod of a token still exists.
 * @throws {Refusal} `unavailable` when its agent does not answer
 */
export type ReviewToken = (cluster: ReviewedCluster, token: string) => Promise<TokenReview>;

/** What is gone does not come back. What is there is remembered by whoever remembers credentials. */
const rememberedRefusals = 1_000;
const rememberedMilliseconds = 60_000;

/**
 * Without an answer nothing is granted: whoever wants tokens reviewed would rather not have a pod
 * started than one that should be gone.
 * @param ask the agent of the cluster; its refusals and failures mean that there is no answer
 */
export function createReviews(ask: ReviewToken, clock: () => number): ReviewToken {
  const gone = createBoundedCache<{ readonly review: TokenReview; readonly until: number }>(
    rememberedRefusals,
  );
  return async (cluster, token) => {
    const key = `${cluster.id} ${createHash('sha256').update(token).digest('base64')}`;
    const known = gone.get(key);
    if (known !== undefined && known.until > clock()) return known.review;
    try {
      const review = await ask(cluster, token);
      if (!review.authenticated) {
        gone.set(key, { review, until: clock() + rememberedMilliseconds });
      }
      return review;
    } catch (error) {
      throw new Refusal('unavailable', unanswered(cluster.name, error), { cause: error });
    }
  };
}

function unanswered(cluster: string, error: unknown): string {
  const off = `or run berth cluster set ${cluster} --no-review-tokens`;
  return error instanceof Refusal && error.kind === 'denied'
    ? `Cluster ${cluster} is to be asked about each token, and its agent may not ask: run berth cluster connect ${cluster} and the command that it prints, ${off}.`
    : `Cluster ${cluster} is to be asked about each token, and its agent does not answer: see berth cluster status ${cluster}, ${off}.`;
}
