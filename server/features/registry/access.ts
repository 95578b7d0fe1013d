import { OciError } from '#oci/errors.ts';
import { catalogScope, type LoadGrants } from '#server/http/access.ts';
import type { AuthenticatedExchange } from '#server/http/exchange.ts';
import { Unauthorized } from '#server/http/unauthorized.ts';
import {
  type Decision,
  decide,
  type Grants,
  projectOf,
  repositoryResource,
} from '#server/permissions/decide.ts';
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

const catalogActions = `${catalogScope}:*`;

/** Every check resolves to the grants it was decided by, at once where they are at hand. */
export interface RegistryAccess {
  /**
   * Lets the caller's `action` on `repository` pass, or refuses it.
   * @param alsoPull a second repository that the client should ask a token for: a mount's source
   * @throws {Unauthorized | OciError}
   */
  require(
    exchange: AuthenticatedExchange,
    action: RegistryAction,
    repository: string,
    alsoPull?: string,
  ): Grants | Promise<Grants>;
  /**
   * As `require` for a push, but an upload that was opened in time outlives its token.
   * @throws {Unauthorized | OciError}
   */
  requireUpload(exchange: AuthenticatedExchange, repository: string): Grants | Promise<Grants>;
  /**
   * What the caller holds in all projects, to tell what of the catalog it may see.
   * @throws {Unauthorized}
   */
  requireCatalog(exchange: AuthenticatedExchange): Grants | Promise<Grants>;
  /**
   * Whether the caller may take a blob of `source` into `target`. A token need not have been asked
   * for `source` where it stands in the project of `target`: clients that mount without a source
   * do not know what to ask for.
   */
  mayMount(exchange: AuthenticatedExchange, source: string, target: string): Promise<boolean>;
}

export function decideOn(grants: Grants, action: RegistryAction, repository: string): Decision {
  return decide(grants, permissions[action], repositoryResource(repository));
}

export function createRegistryAccess(loadGrants: LoadGrants): RegistryAccess {
  return {
    require(exchange, action, repository, alsoPull) {
      if (exchange.caller.expired) throw expired(scopeOf(repository, action, alsoPull));
      return check(exchange, action, repository, alsoPull);
    },

    requireUpload: (exchange, repository) => check(exchange, 'push', repository),

    requireCatalog({ caller, request }) {
      // Some clients send credentials only when they are challenged, and would see public names alone.
      if (request.headers.authorization === undefined) {
        throw new Unauthorized('Ask the token endpoint for a token to the catalog.', {
          scope: catalogActions,
        });
      }
      if (caller.expired) throw expired(catalogActions);
      if (caller.scope !== undefined && !caller.scope.get(catalogScope)?.has('*')) {
        throw new Unauthorized(
          `The token was not asked for the catalog: ask for ${catalogActions}.`,
          { scope: catalogActions, challengeError: 'insufficient_scope' },
        );
      }
      return loadGrants(caller.principal, 'all');
    },

    async mayMount({ caller }, source, target) {
      const project = projectOf(source);
      const inScope =
        caller.scope === undefined ||
        project === projectOf(target) ||
        caller.scope.get(source)?.has('pull') === true;
      if (!inScope) return false;
      const grants = await loadGrants(caller.principal, [project]);
      return decideOn(grants, 'pull', source).allowed;
    },
  };

  function check(
    exchange: AuthenticatedExchange,
    action: RegistryAction,
    repository: string,
    alsoPull?: string,
  ): Grants | Promise<Grants> {
    const { principal, scope } = exchange.caller;
    if (scope !== undefined && !scope.get(repository)?.has(action)) {
      const asked = scopeOf(repository, action, alsoPull);
      throw new Unauthorized(
        `The token of ${describePrincipal(principal)} was not asked for ${action} on ${repository}: ask the token endpoint for the scope ${asked}.`,
        { scope: asked, challengeError: 'insufficient_scope' },
      );
    }
    const judge = (grants: Grants): Grants => {
      const decision = decideOn(grants, action, repository);
      if (decision.allowed) return grants;
      if (looksBeforePush(exchange, repository)) {
        throw new OciError('NAME_UNKNOWN', decision.reason);
      }
      throw refusal(exchange, action, decision.reason, scopeOf(repository, action, alsoPull));
    };
    const grants = loadGrants(principal, [projectOf(repository)]);
    return grants instanceof Promise ? grants.then(judge) : judge(grants);
  }
}

function expired(scope: string): Unauthorized {
  return new Unauthorized('The registry token has expired: ask the token endpoint for another.', {
    scope,
    challengeError: 'invalid_token',
  });
}

/**
 * A push begins by looking, and a reply to HEAD carries no sentence: finding nothing, the client goes
 * on to the request whose refusal does.
 */
function looksBeforePush({ caller, request }: AuthenticatedExchange, repository: string): boolean {
  return request.method === 'HEAD' && caller.scope?.get(repository)?.has('push') === true;
}

function refusal(
  { caller, request }: AuthenticatedExchange,
  action: RegistryAction,
  reason: string,
  scope: string,
): Unauthorized | OciError {
  // A signed-in push is told in the body; a pull needs the challenge to reach the pod's events.
  if (action !== 'pull' && caller.principal.kind !== 'anonymous') {
    return new OciError('DENIED', reason);
  }
  return new Unauthorized(reason, {
    scope,
    ...(request.headers.authorization === undefined ? {} : { challengeError: reason }),
  });
}

function scopeOf(repository: string, action: RegistryAction, alsoPull: string | undefined): string {
  const scope = `repository:${repository}:${scopeActions[action]}`;
  return alsoPull === undefined ? scope : `${scope} repository:${alsoPull}:pull`;
}
