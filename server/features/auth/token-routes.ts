import type { FastifyReply } from 'fastify';
import { TokenAnswer, TokenForm, TokenQuery } from '#contract/tokens.ts';
import { Refusal } from '#lib/errors.ts';
import type { MaybePromise } from '#lib/maybe-promise.ts';
import type { LoadGrants } from '#server/http/access.ts';
import { challengeText } from '#server/http/challenge.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { anonymous } from '#server/permissions/principals.ts';
import { parseAuthorization } from './authorization-header.ts';
import type { Credential } from './credentials.ts';
import type { Identify } from './identify.ts';
import { formatScopes, intersect, parseScopes, projectsOf } from './scopes.ts';
import { registryTokenSeconds, type Tokens } from './tokens.ts';

export interface TokenRoutesOptions {
  readonly identify: Identify;
  readonly tokens: Tokens;
  readonly loadGrants: LoadGrants;
  readonly service: string;
  readonly clock: () => number;
}

/** The token endpoint of distribution's token protocol, in its GET and its OAuth 2 form. */
export function addTokenRoutes(application: RestApplication, options: TokenRoutesOptions) {
  const { identify, tokens, loadGrants, service, clock } = options;

  /** Grants what is allowed of what was asked: less than asked is no error. */
  async function issue(
    credential: Credential | undefined,
    scopes: readonly string[],
    offline: boolean,
  ): Promise<TokenAnswer> {
    const principal = credential?.principal ?? anonymous;
    const asked = parseScopes(scopes);
    const granted = intersect(asked, await loadGrants(principal, projectsOf(asked)));
    const now = clock();
    const seconds = secondsOf(credential, now);
    const token = await tokens.issueRegistryToken(
      {
        principal,
        ...(credential !== undefined && { stamp: credential.stamp }),
        asked,
        granted,
      },
      seconds,
    );
    return {
      token,
      access_token: token,
      expires_in: seconds,
      issued_at: new Date(now).toISOString(),
      scope: formatScopes(granted),
      ...(offline &&
        credential !== undefined && { refresh_token: await tokens.issueRefreshToken(credential) }),
    };
  }

  function checkService(asked: string | undefined) {
    if (asked === undefined || asked === '' || asked === service) return;
    throw new Refusal(
      'invalid',
      `This registry issues no tokens for the service ${JSON.stringify(asked)}: ask for ${service}.`,
    );
  }

  application.get(
    '/service/token',
    {
      config: { ownAuthentication: true },
      schema: {
        summary: 'A registry token for what the caller may do of what it asks',
        tags: ['tokens'],
        querystring: TokenQuery,
        response: { 200: TokenAnswer },
      },
    },
    async (request, reply) => {
      const { service: asked, scope } = request.query;
      const { authorization } = request.headers;
      const credential =
        authorization === undefined
          ? undefined
          : await saidInStatus(reply, () => byBasic(authorization, request.clientAddress));
      if (credential !== undefined) request.caller = credential;
      checkService(asked);
      reply.header('cache-control', 'no-store');
      // A refresh token for `offline_token` would take the password's place in docker's
      // configuration, and a kubelet that is given that file as a pull secret can use no such token.
      return issue(credential, [scope ?? []].flat(), false);
    },
  );

  function byBasic(authorization: string, address: string) {
    const parsed = parseAuthorization(authorization);
    if (parsed.scheme === 'basic') {
      return identify.byPassword(parsed.username, parsed.password, address);
    }
    throw new Refusal(
      'unauthenticated',
      'The token endpoint takes no tokens: send a user name and password by Basic authentication.',
    );
  }

  application.post(
    '/service/token',
    {
      config: { ownAuthentication: true },
      schema: {
        summary: 'The same by form, as OAuth 2 has it',
        tags: ['tokens'],
        consumes: ['application/x-www-form-urlencoded'],
        body: TokenForm,
        response: { 200: TokenAnswer },
      },
    },
    async (request, reply) => {
      const form = request.body;
      const credential = await saidInStatus(reply, () => byForm(form, request.clientAddress));
      request.caller = credential;
      checkService(form.service);
      reply.header('cache-control', 'no-store');
      return issue(credential, [form.scope ?? []].flat(), form.access_type === 'offline');
    },
  );

  async function byForm(form: TokenForm, address: string): Promise<Credential> {
    if (form.grant_type === 'refresh_token') {
      const { principal, stamp } = await tokens.verifyRefreshToken(form.refresh_token ?? '');
      return identify.byStamp(principal, stamp);
    }
    return identify.byPassword(form.username ?? '', form.password ?? '', address);
  }
}

/** No longer than the credential itself, so that clients ask again in time. */
function secondsOf(credential: Credential | undefined, now: number): number {
  const end = credential?.expiresAt ?? Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(registryTokenSeconds, Math.floor((end - now) / 1000)));
}

/**
 * Puts the sentence of a refusal into the status line as well: of a token request that fails,
 * containerd passes on nothing else, and `kubectl describe pod` shows it.
 */
async function saidInStatus<Result>(
  { raw }: FastifyReply,
  action: () => MaybePromise<Result>,
): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Refusal) raw.statusMessage = challengeText(error.message);
    throw error;
  }
}
