import { OciError } from '#oci/errors.ts';
import type { LoadGrants } from '#server/http/access.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import { Unauthorized } from '#server/http/unauthorized.ts';
import { decide, type Grants, projectOf, repositoryResource } from '#server/permissions/decide.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import type { Permission } from '#server/permissions/roles.ts';

/** What a registry token is asked for on a repository. */
export type RegistryAction = 'pull' | 'push' | 'delete';

const permissions: Readonly<Record<RegistryAction, Permission>> = {
  pull: 'repository:pull',
  push: 'repository:push',
  delete: 'artifact:delete',
};

const scopeActions: Readonly<Record<RegistryAction, string>> = {
  pull: 'pull',
  push: 'pull,push',
  delete: 'delete',
};

export interface RegistryAccess {
  /**
   * Lets the caller's `action` on `repository` pass, or refuses it.
   * @param alsoPull a second repository that the client should ask a token for: a mount's source
   * @returns the grants it was decided by
   * @throws {Unauthorized | OciError}
   */
  require(
    exchange: AuthenticatedExchange,
    action: RegistryAction,
    repository: string,
    alsoPull?: string,
  ): Promise<Grants>;
  /**
   * As `require` for a push, but an upload that was opened in time outlives its token.
   * @throws {Unauthorized | OciError}
   */
  requireUpload(exchange: AuthenticatedExchange, repository: string): Promise<Grants>;
  /**
   * Whether the caller may take a blob of `source` into `target`. A token need not have been asked
   * for `source` where it stands in the project of `target`: clients that mount without a source
   * do not know what to ask for.
   */
  mayMount(exchange: AuthenticatedExchange, source: string, target: string): Promise<boolean>;
}

export function createRegistryAccess(loadGrants: LoadGrants): RegistryAccess {
  return {
    async require(exchange, action, repository, alsoPull) {
      if (exchange.caller.expired) {
        throw new Unauthorized(
          'The registry token has expired: ask the token endpoint for another.',
          {
            scope: scopeOf(repository, action, alsoPull),
            challengeError: 'invalid_token',
          },
        );
      }
      return check(exchange, action, repository, alsoPull);
    },

    requireUpload: (exchange, repository) => check(exchange, 'push', repository),

    async mayMount({ caller }, source, target) {
      const project = projectOf(source);
      const inScope =
        caller.scope === undefined ||
        project === projectOf(target) ||
        caller.scope.get(source)?.has('pull') === true;
      if (!inScope) return false;
      const grants = await loadGrants(caller.principal, [project]);
      return decide(grants, permissions.pull, repositoryResource(source)).allowed;
    },
  };

  async function check(
    { caller, request }: AuthenticatedExchange,
    action: RegistryAction,
    repository: string,
    alsoPull?: string,
  ): Promise<Grants> {
    const scope = scopeOf(repository, action, alsoPull);
    if (caller.scope !== undefined && !caller.scope.get(repository)?.has(action)) {
      throw new Unauthorized(
        `The token of ${describePrincipal(caller.principal)} was not asked for ${action} on ${repository}: ask the token endpoint for the scope ${scope}.`,
        { scope, challengeError: 'insufficient_scope' },
      );
    }
    const grants = await loadGrants(caller.principal, [projectOf(repository)]);
    const decision = decide(grants, permissions[action], repositoryResource(repository));
    if (decision.allowed) return grants;
    // A push begins by looking, and a reply to HEAD carries no sentence: finding nothing, the client
    // goes on to the request whose refusal does.
    const looksBeforePush =
      request.method === 'HEAD' && caller.scope?.get(repository)?.has('push') === true;
    if (looksBeforePush) throw new OciError('NAME_UNKNOWN', decision.reason);
    // A signed-in push is told in the body; a pull needs the challenge to reach the pod's events.
    if (action !== 'pull' && caller.principal.kind !== 'anonymous') {
      throw new OciError('DENIED', decision.reason);
    }
    throw new Unauthorized(decision.reason, {
      scope,
      ...(request.headers.authorization === undefined ? {} : { challengeError: decision.reason }),
    });
  }
}

function scopeOf(repository: string, action: RegistryAction, alsoPull: string | undefined): string {
  const scope = `repository:${repository}:${scopeActions[action]}`;
  return alsoPull === undefined ? scope : `${scope} repository:${alsoPull}:pull`;
}
