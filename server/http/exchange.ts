import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from './access.ts';

/** One request and its reply on the raw `/v2` path. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Names the request in logs and in the `X-Request-Id` header. */
  readonly id: string;
  /** Scheme and authority that the client reached us by: what realm and Location are built on. */
  readonly origin: string;
  readonly address: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** An exchange whose caller is known. */
export interface AuthenticatedExchange extends Exchange {
  readonly caller: Caller;
}
