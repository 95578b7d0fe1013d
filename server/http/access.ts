import type { Grants } from '#server/permissions/decide.ts';
import type { Principal } from '#server/permissions/principals.ts';

/**
 * What a registry token was asked for: repository name → actions (`pull`, `push`, `delete`). What
 * of it is allowed is decided on each request, by the grants of that moment.
 */
export type TokenScope = ReadonlyMap<string, ReadonlySet<string>>;

/** The key of the catalog in a token's scope; no repository can be named so. */
export const catalogScope = 'registry:catalog';

/** Who makes a request, and how far the credential that it brought reaches. */
export interface Caller {
  readonly principal: Principal;
  /** Present for registry tokens: what lies outside it is refused with `insufficient_scope`. */
  readonly scope?: TokenScope;
  /**
   * Present when a registry token is genuine but its time is over: it serves only to carry on
   * uploads, which may last longer than any token.
   */
  readonly expired?: true;
}

/**
 * Tells who makes a request from its Authorization header.
 * @param address the client's address, for rate limits
 * @throws {Refusal} `unauthenticated`, `too-many-requests`
 */
export type Authenticate = (
  authorization: string | undefined,
  address: string,
) => Caller | Promise<Caller>;

/** What `principal` holds in the projects named, as the database says at this moment. */
export type LoadGrants = (
  principal: Principal,
  projects: readonly string[] | 'all',
) => Grants | Promise<Grants>;
