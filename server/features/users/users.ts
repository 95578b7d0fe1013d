import { randomBytes } from 'node:crypto';
import {
  type CredentialVerifier,
  type GrantSource,
  type LimitFailures,
  limitFailuresHere,
  type SharedSecret,
} from '#features/auth';
import type { Database } from '#server/database/database.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { addAccessTokenRoutes } from './access-token-routes.ts';
import { ensureFirstAdmin } from './first-admin.ts';
import { createUserGrants } from './grants.ts';
import { createOldPasswordCheck } from './old-password.ts';
import { prepareUserLookups } from './queries.ts';
import { addUserRoutes } from './user-routes.ts';
import { createUserVerifier } from './verifier.ts';

export interface UsersOptions {
  readonly database: Database;
  readonly sharedSecret: SharedSecret;
  /** `limitFailuresHere` by default. */
  readonly limitFailures?: LimitFailures;
  /** Hears of what failed after the request was answered. */
  readonly reportFailure: (error: unknown) => void;
  readonly clock?: () => number;
}

export interface Users {
  readonly verifier: CredentialVerifier;
  readonly grantSource: GrantSource;
  addRoutes(application: RestApplication): void;
  /**
   * Creates the system admin `admin` while there is none at all.
   * @returns its password, if that was generated now: it can never be told again
   * @throws {Refusal} `invalid` for a password that breaks the rule
   */
  ensureFirstAdmin(options: {
    readonly password?: string | undefined;
  }): Promise<string | undefined>;
}

export async function createUsers(options: UsersOptions): Promise<Users> {
  const { database, sharedSecret, reportFailure, clock = Date.now } = options;
  const { limitFailures = limitFailuresHere } = options;
  const accessTokenKey = await sharedSecret('access-tokens', () => randomBytes(32));
  const lookups = prepareUserLookups(database);
  const checkOldPassword = createOldPasswordCheck(database.read, limitFailures);
  return {
    verifier: createUserVerifier({ database, lookups, accessTokenKey, clock, reportFailure }),
    grantSource: createUserGrants(lookups),
    addRoutes: (application) => {
      addUserRoutes(application, { database, clock, checkOldPassword });
      addAccessTokenRoutes(application, { database, accessTokenKey, clock });
    },
    ensureFirstAdmin: ({ password }) => ensureFirstAdmin(database, password, clock()),
  };
}
