import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from '#lib/errors.ts';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
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
import { BodyInterrupted, drain, hasNoBody, takeBody, withholdsBody } from './request-body.ts';
import { requestId } from './request-id.ts';

export interface LifecycleOptions {
  /** Makes what is remembered of the database at least as new as the request. */
  readonly refresh: () => MaybePromise<void>;
  readonly authenticate: Authenticate;
  /** Answers every path below `/v2/`. */
  readonly handle: (exchange: AuthenticatedExchange) => MaybePromise<void>;
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
    // What is at hand is answered before this returns: a promise on the way costs each request.
    try {
      const answered = answer(exchange);
      if (answered instanceof Promise) {
        answered.catch((error: unknown) => refuseOrDestroy(exchange, error));
      }
    } catch (error) {
      refuseOrDestroy(exchange, error);
    }
  };

  function answer(exchange: OpenExchange): MaybePromise<void> {
    const { request } = exchange;
    onRequest(exchange);
    if ((request.url?.length ?? 0) > longestTarget) {
      throw new Refusal('invalid', `The request target is longer than ${longestTarget} bytes.`);
    }
    return chain(refresh(), () => identifyAndHandle(exchange));
  }

  function identifyAndHandle(exchange: OpenExchange): MaybePromise<void> {
    const { authorization } = exchange.request.headers;
    if (authorization === undefined) return handleAndDrain(exchange);
    return chain(authenticate(authorization, exchange.address), (caller) => {
      exchange.caller = caller;
      return handleAndDrain(exchange);
    });
  }

  function handleAndDrain(exchange: OpenExchange): MaybePromise<void> {
    return chain(handle(exchange), () => {
      if (!hasNoBody(exchange.request)) drain(exchange.request);
    });
  }

  async function refuseOrDestroy(exchange: Exchange, error: unknown): Promise<void> {
    try {
      await refuse(exchange, error);
    } catch (failure) {
      if (!isDeparture(failure)) onFailure(exchange, failure);
      exchange.response.destroy();
    }
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
