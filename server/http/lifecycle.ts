import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from '#lib/errors.ts';
import type { Authenticate } from './access.ts';
import type { AuthenticatedExchange, Exchange } from './exchange.ts';
import { replyWithError } from './oci-reply.ts';
import { BodyInterrupted, drain } from './request-body.ts';
import { Unauthorized } from './unauthorized.ts';

/** What a request looked like from outside the process, proxies undone. */
export interface RequestOrigin {
  readonly origin: string;
  readonly address: string;
}

export interface LifecycleOptions {
  readonly authenticate: Authenticate;
  /** Answers every path below `/v2/`. */
  readonly handle: (exchange: AuthenticatedExchange) => Promise<void>;
  readonly originOf: (request: IncomingMessage) => RequestOrigin;
  readonly onRequest: (exchange: Exchange) => void;
  /** Hears of every answer 500, and of replies that broke off by our fault. */
  readonly onFailure: (exchange: Exchange, error: unknown) => void;
}

const longestTarget = 8 * 1024;
const process8 = randomBytes(4).toString('hex');
let requests = 0;

/**
 * The way of every request below `/v2/`: named, its caller told from its credentials, handled, and
 * answered exactly once whatever happens.
 */
export function createRegistryLifecycle({
  authenticate,
  handle,
  originOf,
  onRequest,
  onFailure,
}: LifecycleOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const exchange = open(request, response, originOf(request));
    onRequest(exchange);
    answer(exchange).catch((error: unknown) => refuse(exchange, error));
  };

  async function answer(exchange: Exchange): Promise<void> {
    const { request } = exchange;
    if ((request.url?.length ?? 0) > longestTarget) {
      throw new Refusal('invalid', `The request target is longer than ${longestTarget} bytes.`);
    }
    const caller = await authenticated(exchange);
    await handle({ ...exchange, caller });
    drain(request);
  }

  function refuse(exchange: Exchange, error: unknown): void {
    const { request, response } = exchange;
    if (error instanceof BodyInterrupted || response.destroyed) {
      response.destroy();
    } else if (response.headersSent) {
      onFailure(exchange, error);
      response.destroy();
    } else {
      if (!replyWithError(exchange, error)) onFailure(exchange, error);
      drain(request);
    }
  }

  async function authenticated({ request, address }: Exchange) {
    try {
      return await authenticate(request.headers.authorization, address);
    } catch (error) {
      if (error instanceof Refusal && error.kind === 'unauthenticated') {
        throw new Unauthorized(error.message, { challengeError: 'invalid_token' });
      }
      throw error;
    }
  }
}

function open(
  request: IncomingMessage,
  response: ServerResponse,
  { origin, address }: RequestOrigin,
): Exchange {
  requests += 1;
  const id = `${process8}-${requests.toString(36)}`;
  response.setHeader('Docker-Distribution-API-Version', 'registry/2.0');
  response.setHeader('X-Request-Id', id);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  return {
    request,
    response,
    id,
    origin,
    address,
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
  };
}
