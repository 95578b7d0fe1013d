import { isForbidden, reviewToken } from '#kubernetes/api/index.ts';
import { Refusal } from '#lib/errors.ts';
import type { CreateAgentPart } from './part.ts';

/** Says whether the pod or ServiceAccount of a token still exists. */
export const createTokenReview: CreateAgentPart = ({ api, signal }) => ({
  name: 'token review',
  stateChanged: async () => undefined,
  answers: {
    'token.review': async ({ token, audience }) => {
      try {
        return await reviewToken(api, token, audience, { signal });
      } catch (error) {
        if (!isForbidden(error)) throw error;
        throw new Refusal(
          'denied',
          'The agent may not create TokenReviews: run the command of `berth cluster connect` again, or switch it off with `berth cluster set CLUSTER --no-review-tokens`.',
        );
      }
    },
  },
});
