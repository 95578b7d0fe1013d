import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { logAccess } from './access-log.ts';
import type { Log } from './log.ts';
import type { FinishedRequest, RequestCounts } from './request-counts.ts';
import { type RouteClass, readTarget, routeOf } from './route-classes.ts';

/** A request as those who answer it know it. */
export interface ObservedExchange<Caller> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  readonly address: string;
  /** Told from the credentials by the time that the exchange is over. */
  readonly caller: Caller;
}

export interface RequestObserverOptions<Caller> {
  readonly counts: RequestCounts;
  readonly log: Log;
  /** Undefined for callers without a name. */
  readonly nameOf: (caller: Caller) => string | undefined;
}

interface Traffic {
  received: number;
  sent: number;
}

/** Counts every exchange and writes its line of the log, once its reply is out or its client gone. */
export function createRequestObserver<Caller>({
  counts,
  log,
  nameOf,
}: RequestObserverOptions<Caller>): (exchange: ObservedExchange<Caller>) => void {
  /** What each connection has carried up to its last request. */
  const carried = new WeakMap<Socket, Traffic>();

  function finishedRequest(
    route: RouteClass,
    { method }: IncomingMessage,
    { headersSent, statusCode }: ServerResponse,
    socket: Socket,
    seconds: number,
  ): FinishedRequest {
    const { bytesRead, bytesWritten } = socket;
    const status = headersSent ? statusCode : 0;
    const before = carried.get(socket);
    if (before === undefined) {
      carried.set(socket, { received: bytesRead, sent: bytesWritten });
      return { route, method, status, seconds, received: bytesRead, sent: bytesWritten };
    }
    const received = bytesRead - before.received;
    const sent = bytesWritten - before.sent;
    before.received = bytesRead;
    before.sent = bytesWritten;
    return { route, method, status, seconds, received, sent };
  }

  return (exchange) => {
    const { request, response } = exchange;
    const { socket } = request;
    const begun = performance.now();
    counts.begin();
    response.on('close', () => {
      const seconds = (performance.now() - begun) / 1000;
      const target = request.url ?? '/';
      const finished = finishedRequest(routeOf(target), request, response, socket, seconds);
      counts.end(finished);
      // Probes come every few seconds for ever, and say nothing new.
      const level = finished.route === 'probe' ? 'debug' : 'info';
      if (!log.isLevelEnabled(level)) return;
      const { path, repository } = readTarget(target);
      logAccess(log, level, {
        ...finished,
        id: exchange.id,
        address: exchange.address,
        principal: nameOf(exchange.caller),
        path,
        repository,
        agent: request.headers['user-agent'],
        interrupted: !response.writableFinished,
      });
    });
  };
}
