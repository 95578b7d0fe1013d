import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { systemErrorCode } from '#lib/errors.ts';

export const MAXIMUM_HEADER_BYTES = 32 * 1024;
/** How long a connection that was refused is still read. */
const LINGER = 1000;

/** What never became a request: its answer is written onto the socket. */
export function answerClientError(
  error: Error,
  socket: Socket,
  onRefusal: (status: number) => void,
): void {
  if (socket.writableEnded) return;
  if (!socket.writable || systemErrorCode(error) === 'ECONNRESET' || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const [status, message] = explain(error);
  onRefusal(status);
  const body = errorBody(message);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  // Closing at once with bytes unread would reset the connection before the client reads this.
  socket.removeAllListeners('data');
  socket.on('data', () => {});
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER).unref();
}

function explain(error: Error): [status: number, message: string] {
  switch (systemErrorCode(error)) {
    case 'HPE_HEADER_OVERFLOW': {
      const message = `The request's line and headers are larger than ${MAXIMUM_HEADER_BYTES} bytes: send fewer or shorter ones.`;
      return [431, message];
    }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, "The request's headers did not arrive in time: send it again."];
    default: {
      const reason = 'reason' in error ? ` (${error.reason})` : '';
      const message = `This is not a request that the server can read${reason}: speak HTTP/1.1, over TLS or in plain.`;
      return [400, message];
    }
  }
}

/** Whether a reply has begun on the socket, so that nothing else may be written there. */
function isAnswering(socket: Socket): boolean {
  return responseOn(socket)?.headersSent === true;
}

/** A client that is told so sends its next request elsewhere. */
export function tellToClose(socket: Socket): void {
  const response = responseOn(socket);
  if (response?.headersSent === false) response.shouldKeepAlive = false;
}

function responseOn(socket: Socket): ServerResponse | null | undefined {
  // The property by which Node.js asks the same; there is no public one.
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage;
}

export function errorBody(message: string): string {
  return JSON.stringify({ errors: [{ code: 'BAD_REQUEST', message }] });
}
