import { createFailureLimits, type FailureLimits } from '#features/auth';
import { TooManyRequests } from '#server/http/status.ts';
import type { Failure, SupervisorMethods } from './methods.ts';

/** Counts the failures that all workers see. */
export function createSharedFailures(): Pick<SupervisorMethods, 'countFailure' | 'forgiveFailure'> {
  const kinds = new Map<string, FailureLimits>();

  function limitsOf({ kind, options }: Failure): FailureLimits {
    let limits = kinds.get(kind);
    if (limits === undefined) {
      limits = createFailureLimits(options);
      kinds.set(kind, limits);
    }
    return limits;
  }

  return {
    async countFailure(failure) {
      try {
        await limitsOf(failure).count(failure.name, failure.address);
        return undefined;
      } catch (error) {
        if (!(error instanceof TooManyRequests)) throw error;
        return { message: error.message, retryAfterSeconds: error.retryAfterSeconds };
      }
    },
    forgiveFailure: (failure) => limitsOf(failure).forgive(failure.name, failure.address),
  };
}
