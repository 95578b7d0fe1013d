import { createBoundedCache } from '#lib/bounded-cache.ts';
import { Refusal } from '#lib/errors.ts';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import type { ReadGrantGeneration } from '#server/database/generations.ts';
import type { Authenticate, Caller } from '#server/http/access.ts';
import { anonymous } from '#server/permissions/principals.ts';
import type { CacheCounts } from '#server/telemetry/cache-counts.ts';
import { parseAuthorization } from './authorization-header.ts';
import type { NamedPrincipal } from './credentials.ts';
import { type Identify, rememberedMilliseconds } from './identify.ts';
import { tokenScopeOf } from './scopes.ts';
import type { SignInCounts } from './sign-in-counts.ts';
import { registryTokenGraceSeconds, type Tokens } from './tokens.ts';

export interface AuthenticateOptions {
  readonly identify: Identify;
  readonly tokens: Tokens;
  readonly readGeneration: ReadGrantGeneration;
  readonly clock: () => number;
  /** Of tokens that were verified. */
  readonly cache: CacheCounts;
  readonly signIns: SignInCounts;
}

interface RememberedToken {
  readonly token: string;
  readonly caller: Caller;
  readonly stamp: string | undefined;
  /** Until when it says the same of the caller without a look at the token or the credential. */
  until: number;
  /** At which the credential was last known to stand. */
  generation: number;
}

const rememberedTokens = 10_000;
/**
 * The end of a token is a part of its signature: enough to find a token that was verified by, and
 * quicker than a hash of the whole. What is found is compared whole.
 */
const keyLength = 32;
const anonymousCaller: Caller = { principal: anonymous };

export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const { identify, tokens, readGeneration, clock, cache, signIns } = options;
  const remembered = createBoundedCache<RememberedToken>(rememberedTokens);

  function byToken(token: string): MaybePromise<Caller> {
    const key = token.slice(-keyLength);
    const known = remembered.get(key);
    if (known !== undefined && known.token === token && known.until > clock()) {
      cache.hits += 1;
      return chain(readGeneration(), (generation) =>
        known.generation === generation ? known.caller : standingOrCounted(known, generation),
      );
    }
    cache.misses += 1;
    remembered.delete(key);
    return verify(key, token).catch(countFailure);
  }

  function countFailure(error: unknown): never {
    if (error instanceof Refusal) signIns.failures['registry-token'] += 1;
    throw error;
  }

  function standingOrCounted(entry: RememberedToken, generation: number): MaybePromise<Caller> {
    try {
      const caller = stillStanding(entry, generation);
      return caller instanceof Promise ? caller.catch(countFailure) : caller;
    } catch (error) {
      return countFailure(error);
    }
  }

  async function verify(key: string, token: string): Promise<Caller> {
    const { principal, stamp, asked, expiresAt } = await tokens.verifyRegistryToken(token);
    const now = clock();
    const expired = expiresAt <= now;
    const end = expired ? expiresAt + registryTokenGraceSeconds * 1000 : expiresAt;
    const entry: RememberedToken = {
      token,
      caller: { principal, scope: tokenScopeOf(asked), ...(expired && { expired }) },
      stamp,
      until: Math.min(now + rememberedMilliseconds, end),
      generation: Number.NaN,
    };
    const caller = await stillStanding(entry, await readGeneration());
    remembered.set(key, entry);
    return caller;
  }

  /** Asks again whether the credential that the token was issued on stands. */
  function stillStanding(entry: RememberedToken, generation: number): MaybePromise<Caller> {
    const { principal } = entry.caller;
    if (principal.kind === 'anonymous') {
      entry.generation = generation;
      return entry.caller;
    }
    return chain(identify.byStamp(principal, stampOf(entry, principal)), (credential) => {
      entry.until = Math.min(entry.until, credential.expiresAt ?? entry.until);
      entry.generation = generation;
      return entry.caller;
    });
  }

  return (authorization, address) => {
    if (authorization === undefined) return anonymousCaller;
    const parsed = parseAuthorization(authorization);
    if (parsed.scheme === 'bearer') return byToken(parsed.token);
    return chain(
      identify.byPassword(parsed.username, parsed.password, address),
      ({ principal }) => ({ principal }),
    );
  };
}

function stampOf({ stamp }: RememberedToken, { kind }: NamedPrincipal): string {
  if (stamp !== undefined) return stamp;
  throw new Refusal('unauthenticated', `The registry token of a ${kind} lacks its stamp.`);
}
