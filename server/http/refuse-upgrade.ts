import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorBody } from '#contract/errors.ts';
import type { Refusal } from '#lib/errors.ts';
import { restCodeOfRefusal, retryAfterOf, statusOfRefusal } from './status.ts';

/** How long a refused connection is kept for its client to read why. */
const lingerMilliseconds = 1_000;

/** Answers a request whose connection was to become something else, and ends it. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusOfRefusal(refusal.kind);
  const content: ErrorBody = {
    errors: [{ code: restCodeOfRefusal(refusal.kind), message: refusal.message }],
  };
  const body = JSON.stringify(content);
  const retryAfter = retryAfterOf(refusal);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      `${retryAfter === undefined ? '' : `Retry-After: ${retryAfter}\r\n`}` +
      `Connection: close\r\n\r\n${body}`,
  );
  socket.on('data', () => {});
  socket.resume();
  setTimeout(() => socket.destroy(), lingerMilliseconds).unref();
}
