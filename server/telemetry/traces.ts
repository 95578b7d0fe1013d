import type { IncomingMessage, ServerResponse } from 'node:http';

export type SpanAttributes = Readonly<Record<string, string | number>>;

/** Says where the time of requests and of work in the background goes. */
export interface Traces {
  /** Calls `handle` in a span of the request, which ends with its response. */
  request(request: IncomingMessage, response: ServerResponse, handle: () => void): void;
  /** Does `work` in a span below the current one, or in one of its own. */
  span<Result>(
    name: string,
    attributes: SpanAttributes,
    work: () => Promise<Result>,
  ): Promise<Result>;
  /** The same, where there is a current one. */
  spanBelow<Result>(
    name: string,
    attributes: SpanAttributes,
    work: () => Promise<Result>,
  ): Promise<Result>;
  /** Sends what has not been sent yet, for some seconds at most. */
  stop(): Promise<void>;
}
