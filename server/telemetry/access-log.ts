import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from './log.ts';

export interface AccessEntry {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  readonly address: string;
}

/** One line for each request once its reply is out, or its connection gone. */
export function logAccess(log: Log, { request, response, id, address }: AccessEntry): void {
  if (!log.isLevelEnabled('info')) return;
  const started = performance.now();
  response.once('close', () => {
    log.info(
      {
        request: id,
        address,
        method: request.method,
        path: request.url?.slice(0, 500),
        status: response.statusCode,
        milliseconds: Math.round((performance.now() - started) * 10) / 10,
        agent: request.headers['user-agent']?.slice(0, 200),
        ...(response.writableFinished ? {} : { interrupted: true }),
      },
      'request',
    );
  });
}
