import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from '#lib/errors.ts';
import { maximumManifestBytes } from '#oci/manifest.ts';
import { DestinationClosed } from '#server/blobs/blob-store.ts';
import type { Authenticate } from './access.ts';
import {
  type AuthenticatedExchange,
  type Exchange,
  OpenExchange,
  type OriginOf,
} from './exchange.ts';
import { replyWithError } from './oci-reply.ts';
import { BodyInterrupted, drain, takeBody, withholdsBody } from './request-body.ts';
import { requestId } from './request-id.ts';

export interface LifecycleOptions {
  /** Makes what is remembered of the database at least as new as the request. */
  readonly refresh: () => void | Promise<void>;
  readonly authenticate: Authenticate;
  /** Answers every path below `/v2/`. */
  readonly handle: (exchange: AuthenticatedExchange) => Promise<void>;
  readonly originOf: OriginOf;
  /** Hears of every request as it begins. Its caller is told from its credentials after that. */
  readonly onRequest: (exchange: AuthenticatedExchange) => void;
  /** Hears of every answer 500, and of replies that broke off by our fault. */
  readonly onFailure: (exchange: Exchange, error: unknown) => void;
}

const longestTarget = 8 * 1024;

/**
 * The way of every request below `/v2/`: named, its caller told from its credentials, handled, and
 * answered exactly once whatever happens.
 */
export function createRegistryLifecycle({
  refresh,
  authenticate,
  handle,
  originOf,
  onRequest,
  onFailure,
}: LifecycleOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const id = requestId(request.headers['x-request-id']);
    const exchange = new OpenExchange(request, response, id, originOf);
    answer(exchange)
      .catch((error: unknown) => refuse(exchange, error))
      .catch((error: unknown) => {
        if (!isDeparture(error)) onFailure(exchange, error);
        response.destroy();
      });
  };

  async function answer(exchange: OpenExchange): Promise<void> {
    const { request } = exchange;
    onRequest(exchange);
    if ((request.url?.length ?? 0) > longestTarget) {
      throw new Refusal('invalid', `The request target is longer than ${longestTarget} bytes.`);
    }
    const refreshed = refresh();
    if (refreshed !== undefined) await refreshed;
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      exchange.caller = await authenticate(authorization, exchange.address);
    }
    await handle(exchange);
    drain(request);
  }

  async function refuse(exchange: Exchange, error: unknown): Promise<void> {
    const { request, response } = exchange;
    if (isDeparture(error) || response.destroyed) {
      response.destroy();
    } else if (response.headersSent) {
      onFailure(exchange, error);
      response.destroy();
    } else {
      await takeBody(exchange, maximumManifestBytes);
      // Whether such a client still sends its body is not ours to know: the next request could be it.
      if (withholdsBody(exchange)) response.shouldKeepAlive = false;
      drain(request);
      if (!replyWithError(exchange, error)) onFailure(exchange, error);
    }
  }
}

/** The client went away: there is nobody to answer, and nothing to report. */
function isDeparture(error: unknown): boolean {
  return error instanceof BodyInterrupted || error instanceof DestinationClosed;
}
