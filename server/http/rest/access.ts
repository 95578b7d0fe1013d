import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from '#lib/errors.ts';
import { decide, type Grants, type Resource } from '#server/permissions/decide.ts';
import { anonymous, describePrincipal, type Principal } from '#server/permissions/principals.ts';
import type { Permission } from '#server/permissions/roles.ts';
import type { Authenticate, Caller, LoadGrants } from '../access.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who makes the request; the anonymous principal where it brought no credentials. */
    caller: Caller;
    /** Behind trusted proxies. */
    clientAddress: string;
  }
  interface FastifyInstance {
    loadGrants: LoadGrants;
  }
  interface FastifyContextConfig {
    /** The route reads credentials by itself: its requests arrive with the anonymous caller. */
    ownAuthentication?: boolean;
  }
}

export interface AccessOptions {
  readonly authenticate: Authenticate;
  readonly loadGrants: LoadGrants;
  readonly clientAddress: (request: FastifyRequest) => string;
}

const anonymousCaller: Caller = { principal: anonymous };

export function identifyCallers(application: FastifyInstance, options: AccessOptions) {
  application.decorate('loadGrants', options.loadGrants);
  application.decorateRequest('caller');
  application.decorateRequest('clientAddress', '');
  application.addHook('onRequest', async (request) => {
    request.caller = anonymousCaller;
    request.clientAddress = options.clientAddress(request);
    if (request.routeOptions.config.ownAuthentication) return;
    const { authorization } = request.headers;
    if (authorization === undefined) return;
    const caller = await options.authenticate(authorization, request.clientAddress);
    if (caller.scope !== undefined) {
      throw new Refusal(
        'unauthenticated',
        `${describePrincipal(caller.principal)} brought a registry token, which opens /v2/ only: send the name and password, or an access token, by Basic authentication.`,
      );
    }
    request.caller = caller;
  });
}

/** What the caller holds in `projects`. */
export async function grantsOf(
  request: FastifyRequest,
  projects: readonly string[] | 'all',
): Promise<Grants> {
  return request.server.loadGrants(request.caller.principal, projects);
}

/**
 * Lets the request pass if its caller may do `permission` on `resource`, and says what it holds
 * there. Absent and forbidden resources are refused alike.
 * @throws {Refusal} `denied`; `unauthenticated` when nobody is signed in
 */
export async function authorize(
  request: FastifyRequest,
  permission: Permission,
  resource: Resource,
): Promise<Grants> {
  const grants = await grantsOf(request, resource.kind === 'system' ? [] : [resource.project]);
  const decision = decide(grants, permission, resource);
  if (decision.allowed) return grants;
  const kind = request.caller.principal.kind === 'anonymous' ? 'unauthenticated' : 'denied';
  throw new Refusal(kind, decision.reason);
}

/**
 * The person who makes the request.
 * @throws {Refusal} `unauthenticated` when nobody is signed in, `precondition` for robots and workloads
 */
export function requireUser(request: FastifyRequest): Extract<Principal, { kind: 'user' }> {
  const { principal } = request.caller;
  if (principal.kind === 'user') return principal;
  if (principal.kind === 'anonymous') {
    throw new Refusal('unauthenticated', 'Nobody is signed in: send a user name and password.');
  }
  throw new Refusal(
    'precondition',
    `${describePrincipal(principal)} is no person: sign in as a user for this.`,
  );
}
