import type { Database } from '#server/database/database.ts';
import { grantGenerationOf } from '#server/database/generations.ts';
import type { Authenticate, LoadGrants } from '#server/http/access.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { type CacheCounts, newCacheCounts } from '#server/telemetry/cache-counts.ts';
import type { MetricSource } from '#server/telemetry/metrics.ts';
import { createAuthenticate } from './authenticate.ts';
import type { CredentialVerifier } from './credentials.ts';
import { type LimitFailures, limitFailuresHere } from './failure-limits.ts';
import type { GrantSource } from './grants.ts';
import { createIdentify } from './identify.ts';
import { createLoadGrants } from './load-grants.ts';
import { newSignInCounts, signInSnapshots } from './sign-in-counts.ts';
import { addTokenRoutes } from './token-routes.ts';
import { createSigningKey, createTokens } from './tokens.ts';

/** A secret that every replica shares, made by whoever asks for it first. */
export type SharedSecret = (name: string, create: () => Uint8Array) => Promise<Uint8Array>;

export interface AuthOptions {
  readonly database: Database;
  readonly sharedSecret: SharedSecret;
  /** The first one that claims a name judges it. */
  readonly verifiers: readonly CredentialVerifier[];
  readonly grantSources: readonly GrantSource[];
  /** `limitFailuresHere` by default. */
  readonly limitFailures?: LimitFailures;
  /** As the challenge of `/v2/` names it. */
  readonly service: string;
  readonly clock?: () => number;
}

export interface Auth {
  readonly authenticate: Authenticate;
  readonly loadGrants: LoadGrants;
  readonly caches: Readonly<Record<'tokens' | 'grants', CacheCounts>>;
  /** Sign-ins that failed. */
  readonly metrics: MetricSource;
  /** The token endpoint. */
  addRoutes(application: RestApplication): void;
}

export async function createAuth(options: AuthOptions): Promise<Auth> {
  const { database, sharedSecret, verifiers, service, clock = Date.now } = options;
  const { limitFailures = limitFailuresHere } = options;
  const readGeneration = grantGenerationOf(database);
  const privateKey = await sharedSecret('registry-tokens', createSigningKey);
  const tokens = createTokens({ privateKey, service, clock });
  const signIns = newSignInCounts();
  const caches = { tokens: newCacheCounts(), grants: newCacheCounts() };
  const identify = createIdentify({ verifiers, limitFailures, readGeneration, clock, signIns });
  const loadGrants = createLoadGrants({
    sources: options.grantSources,
    readGeneration,
    counts: caches.grants,
  });
  return {
    authenticate: createAuthenticate({
      identify,
      tokens,
      readGeneration,
      clock,
      cache: caches.tokens,
      signIns,
    }),
    loadGrants,
    caches,
    metrics: () => signInSnapshots(signIns),
    addRoutes: (application) =>
      addTokenRoutes(application, { identify, tokens, loadGrants, service, clock }),
  };
}
