import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Credential, ServerProcess } from './server-process.ts';

/** A connection on which a client begins what it may never end. */
export interface Wire {
  readonly socket: Socket;
  /** All that the server says until it closes the connection, or this end does. */
  readonly said: Promise<string>;
}

/** Sends the head of a request and the beginning of its body. */
export async function beginRequest(
  { port }: ServerProcess,
  credential: Credential,
  line: string,
  headers: readonly string[],
  body: Uint8Array,
): Promise<Wire> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  await once(socket, 'connect');
  const said = text(socket).catch(() => '');
  const head = [
    `${line} HTTP/1.1`,
    `Host: localhost:${port}`,
    `Authorization: Basic ${btoa(credential)}`,
    ...headers,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.write(body);
  return { socket, said };
}
