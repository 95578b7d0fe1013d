import { randomBytes } from 'node:crypto';
import type { CredentialVerifier, GrantSource, SharedSecret } from '#features/auth';
import type { Database } from '#server/database/database.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { createRobotGrants } from './grants.ts';
import { defaultRobotPrefix } from './names.ts';
import { prepareRobotLookups } from './queries.ts';
import { addRobotRoutes } from './routes.ts';
import { createRobotVerifier } from './verifier.ts';

export interface RobotsOptions {
  readonly database: Database;
  readonly sharedSecret: SharedSecret;
  /** What every robot's name begins with; it holds a character that no user's name may have. */
  readonly prefix?: string;
  readonly clock?: () => number;
}

export interface Robots {
  /** Goes before that of users. */
  readonly verifier: CredentialVerifier;
  readonly grantSource: GrantSource;
  /** As a robot signs in. @param stored `name`, or `project+name` */
  loginName(stored: string): string;
  addRoutes(application: RestApplication): void;
}

export async function createRobots(options: RobotsOptions): Promise<Robots> {
  const { database, sharedSecret, prefix = defaultRobotPrefix, clock = Date.now } = options;
  const secretKey = await sharedSecret('robot-secrets', () => randomBytes(32));
  const lookups = prepareRobotLookups(database);
  return {
    verifier: createRobotVerifier({ lookups, prefix, secretKey, clock }),
    grantSource: createRobotGrants(database.read, lookups),
    loginName: (stored) => prefix + stored,
    addRoutes: (application) => addRobotRoutes(application, { database, prefix, secretKey, clock }),
  };
}
