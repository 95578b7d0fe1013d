import { randomBytes } from 'node:crypto';
import { parseWorkloadPattern } from '#contract/names.ts';
import type { CredentialVerifier, GrantSource, SharedSecret } from '#features/auth';
import type { Database } from '#server/database/database.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { type CoverageOf, createCoverage } from './grants/coverage.ts';
import { clusterIdOf } from './grants/queries.ts';
import { addGrantRoutes } from './grants/routes.ts';
import { createNamespaceGrants } from './grants/source.ts';
import { prepareNamespaceRobotLookups } from './namespace-robots/queries.ts';
import { createNamespaceRobots, type NamespaceRobots } from './namespace-robots/robots.ts';
import { createNamespaceRobotVerifier } from './namespace-robots/verifier.ts';
import { createKeyRing } from './workload-identity/key-ring.ts';
import { createReviews, type ReviewToken } from './workload-identity/reviews.ts';
import { createTokenVerifier } from './workload-identity/token-verifier.ts';
import { createWorkloadVerifier } from './workload-identity/workload-verifier.ts';

export interface WorkloadsOptions {
  readonly database: Database;
  readonly sharedSecret: SharedSecret;
  /** `host[:port]`, as image names begin. */
  readonly registry: string;
  /** Asks the agent of a cluster, which may fail. */
  readonly review: ReviewToken;
  readonly now: () => number;
}

/** Who the workloads of clusters are, and what they may do. */
export interface Workloads {
  /** Goes before that of users. */
  readonly verifier: CredentialVerifier;
  readonly grantSource: GrantSource;
  readonly coverageOf: CoverageOf;
  readonly robots: NamespaceRobots;
  /** Where the cluster of a workload is not connected. @param name `cluster/namespace/serviceaccount` */
  readonly warningOf: (name: string) => Promise<string | undefined>;
  addRoutes(application: RestApplication): void;
}

export async function createWorkloads(options: WorkloadsOptions): Promise<Workloads> {
  const { database, registry, now } = options;
  const secretKey = await options.sharedSecret('namespace-secrets', () => randomBytes(32));
  const coverageOf = createCoverage(database);
  return {
    verifier: createWorkloadVerifier({
      token: createTokenVerifier({
        keyRing: createKeyRing(database),
        registry,
        review: createReviews(options.review, now),
        clock: now,
      }),
      secret: createNamespaceRobotVerifier({
        lookups: prepareNamespaceRobotLookups(database),
        secretKey,
        clock: now,
      }),
    }),
    grantSource: createNamespaceGrants(database, coverageOf),
    coverageOf,
    robots: createNamespaceRobots({ database, coverageOf, secretKey, clock: now }),
    async warningOf(name) {
      const cluster = parseWorkloadPattern(name)?.cluster;
      if (cluster === undefined || (await clusterIdOf(database.read, cluster)) !== undefined) {
        return undefined;
      }
      return `No cluster is connected as ${cluster}: nobody is such a member until berth cluster connect ${cluster} has been run there.`;
    },
    addRoutes: (application) => addGrantRoutes(application, { database, now }),
  };
}
