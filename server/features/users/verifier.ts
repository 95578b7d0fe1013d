import { isUserName } from '#contract/names.ts';
import {
  type Credential,
  type CredentialVerifier,
  hmacOfMachineSecret,
  isMachineSecret,
} from '#features/auth';
import { Refusal } from '#lib/errors.ts';
import { chain } from '#lib/maybe-promise.ts';
import type { Database } from '#server/database/database.ts';
import { verifyPassword } from './password-hash.ts';
import type { AccessTokenSignIn, UserLookups } from './queries.ts';
import { touchAccessToken } from './writes.ts';

export const accessTokenPrefix = 'berth_pat_';

/** How exactly the last use of an access token is told. */
const useResolution = 60 * 60 * 1000;

export interface UserVerifierOptions {
  readonly database: Database;
  readonly lookups: UserLookups;
  readonly accessTokenKey: Uint8Array;
  readonly clock: () => number;
  /** Hears of what failed after the request was answered. */
  readonly reportFailure: (error: unknown) => void;
}

/** Users, by their password or one of their access tokens. */
export function createUserVerifier(options: UserVerifierOptions): CredentialVerifier {
  const { database, lookups, accessTokenKey, clock, reportFailure } = options;

  async function byPassword(username: string, password: string): Promise<Credential | undefined> {
    const user = await lookups.byName(username);
    const isRight = await verifyPassword(password, user?.password_hash ?? null);
    if (user === undefined || !isRight) return undefined;
    return {
      principal: { kind: 'user', id: user.id, name: user.username },
      stamp: `password ${user.credential_generation}`,
    };
  }

  function byAccessToken(username: string, secret: string) {
    if (!isMachineSecret(accessTokenPrefix, secret)) return undefined;
    const hmac = hmacOfMachineSecret(accessTokenKey, secret);
    return chain(lookups.accessTokenBySecret(username, hmac), (token) => {
      if (token === undefined) return undefined;
      const credential = standing(token);
      noteUse(token);
      return credential;
    });
  }

  function standing(token: AccessTokenSignIn): Credential {
    if (token.expires_at !== null && token.expires_at <= clock()) {
      throw new Refusal(
        'unauthenticated',
        `The access token ${token.name} of user ${token.username} expired at ${new Date(token.expires_at).toISOString()}: make a new one with berth token create NAME.`,
      );
    }
    return {
      principal: { kind: 'user', id: token.user_id, name: token.username },
      stamp: `token ${token.id} ${token.credential_generation}`,
      ...(token.expires_at !== null && { expiresAt: token.expires_at }),
    };
  }

  function noteUse({ id, last_used_at: last }: AccessTokenSignIn) {
    const now = clock();
    if (last !== null && now - last < useResolution) return;
    database.write(touchAccessToken, { id, now }).catch(reportFailure);
  }

  function ended(name: string): Refusal {
    return new Refusal(
      'unauthenticated',
      `User ${name} has changed the password, deleted the access token or is gone since this token was issued: sign in again.`,
    );
  }

  return {
    principalKind: 'user',
    claims: (username) => isUserName(username),
    isGuessable: (password) => !password.startsWith(accessTokenPrefix),
    verify: (username, password) =>
      password.startsWith(accessTokenPrefix)
        ? byAccessToken(username, password)
        : byPassword(username, password),
    wrong: (username) =>
      `The user name ${username} or its password is wrong: check both; a system admin can set a new password with berth user password ${username}.`,
    recall: (principal, stamp) => {
      if (principal.kind !== 'user') throw ended('of another kind');
      const { id, name } = principal;
      const [kind, first, second] = stamp.split(' ');
      if (kind === 'token') {
        return chain(lookups.accessTokenById(Number(first), id), (token) => {
          if (token === undefined || String(token.credential_generation) !== second) {
            throw ended(name);
          }
          return standing(token);
        });
      }
      return chain(lookups.byId(id), (user) => {
        if (user === undefined || String(user.credential_generation) !== first) throw ended(name);
        return { principal, stamp };
      });
    },
  };
}
