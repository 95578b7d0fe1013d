import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { logAccess } from './access-log.ts';
import type { Log } from './log.ts';
import type { RequestCounts } from './request-counts.ts';
import { readTarget } from './route-classes.ts';

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

  function trafficOf(socket: Socket): Traffic {
    const { bytesRead, bytesWritten } = socket;
    const before = carried.get(socket);
    if (before === undefined) {
      carried.set(socket, { received: bytesRead, sent: bytesWritten });
      return { received: bytesRead, sent: bytesWritten };
    }
    const traffic = { received: bytesRead - before.received, sent: bytesWritten - before.sent };
    before.received = bytesRead;
    before.sent = bytesWritten;
    return traffic;
  }

  return (exchange) => {
    const { request, response } = exchange;
    const { socket } = request;
    const begun = performance.now();
    counts.begin();
    response.on('close', () => {
      const seconds = (performance.now() - begun) / 1000;
      const target = readTarget(request.url ?? '/');
      const { received, sent } = trafficOf(socket);
      const status = response.headersSent ? response.statusCode : 0;
      const finished = {
        route: target.route,
        method: request.method,
        status,
        seconds,
        received,
        sent,
      };
      counts.end(finished);
      // Probes come every few seconds for ever, and say nothing new.
      const level = target.route === 'probe' ? 'debug' : 'info';
      if (!log.isLevelEnabled(level)) return;
      logAccess(log, level, {
        ...finished,
        id: exchange.id,
        address: exchange.address,
        principal: nameOf(exchange.caller),
        path: target.path,
        repository: target.repository,
        agent: request.headers['user-agent'],
        interrupted: !response.writableFinished,
      });
    });
  };
}
