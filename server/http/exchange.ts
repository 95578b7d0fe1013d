import type { IncomingMessage, ServerResponse } from 'node:http';
import { anonymous } from '#server/permissions/principals.ts';
import type { Caller } from './access.ts';

/** What a request looked like from outside the process, proxies undone. */
export interface RequestOrigin {
  /** Scheme and authority that the client reached us by: what realm and Location are built on. */
  readonly origin: string;
  readonly address: string;
}

export type OriginOf = (request: IncomingMessage) => RequestOrigin;

/** One request and its reply on the raw `/v2` path. */
export interface Exchange extends RequestOrigin {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Names the request in logs and in the `X-Request-Id` header. */
  readonly id: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** An exchange whose caller is known. */
export interface AuthenticatedExchange extends Exchange {
  readonly caller: Caller;
}

const anonymousCaller: Caller = { principal: anonymous };

/** What most requests have no use for is worked out when it is asked for. */
export class OpenExchange implements AuthenticatedExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  readonly path: string;
  caller: Caller = anonymousCaller;
  readonly #originOf: OriginOf;
  #seen: RequestOrigin | undefined;
  #query: URLSearchParams | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, id: string, originOf: OriginOf) {
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    this.request = request;
    this.response = response;
    this.id = id;
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.#originOf = originOf;
  }

  get origin(): string {
    return this.#seenFromOutside().origin;
  }

  get address(): string {
    return this.#seenFromOutside().address;
  }

  get query(): URLSearchParams {
    const target = this.request.url ?? '/';
    this.#query ??= new URLSearchParams(target.slice(this.path.length + 1));
    return this.#query;
  }

  #seenFromOutside(): RequestOrigin {
    this.#seen ??= this.#originOf(this.request);
    return this.#seen;
  }
}
