import { createAccessCheck } from './checks/access-check.ts';
import { createTestPull } from './checks/test-pull.ts';
import type { CreateAgentPart } from './part.ts';
import { createPullSecrets } from './pull-secrets/index.ts';
import { createTokenReview } from './token-review.ts';
import { createNodeTrust } from './trust/index.ts';
import { createWebhook } from './webhook/index.ts';

/** Everything that the agent brings about, in the order in which it is taken away. */
export const createParts: readonly CreateAgentPart[] = [
  createWebhook,
  createPullSecrets,
  createTokenReview,
  createAccessCheck,
  createTestPull,
  createNodeTrust,
];
