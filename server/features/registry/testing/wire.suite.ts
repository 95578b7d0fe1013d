import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestServer } from '#test/server.ts';

export interface WireReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** A plain connection on which a test writes what no HTTP client would. */
export interface Wire extends Disposable {
  /** The line and the headers of a request of the admin, without the empty line that ends them. */
  head(method: string, target: string, headers?: readonly string[]): string;
  send(data: string | Uint8Array): void;
  /** A part of a chunked body. */
  sendChunk(data: Uint8Array): void;
  /** The next reply; rejects when the connection ends before it is whole. */
  receive(method?: string): Promise<WireReply>;
  /** Breaks the connection off as a crash does. */
  cut(): void;
  /** Resolves when the server has closed the connection. */
  closed(): Promise<void>;
}

export async function openWire({ host, admin }: TestServer): Promise<Wire> {
  const socket = connect({ host: '127.0.0.1', port: Number(host.split(':')[1]) });
  socket.on('error', () => {});
  await once(socket, 'connect');
  const reader = readerOf(socket);
  return {
    head: (method, target, headers = []) =>
      [
        `${method} ${target} HTTP/1.1`,
        `Host: ${host}`,
        `Authorization: Basic ${btoa(admin)}`,
        ...headers,
        '',
      ].join('\r\n'),
    send: (data) => void socket.write(data),
    sendChunk(data) {
      socket.write(`${data.length.toString(16)}\r\n`);
      socket.write(data);
      socket.write('\r\n');
    },
    receive: (method) => receive(reader, method),
    cut: () => void socket.resetAndDestroy(),
    closed: async () => {
      if (!socket.closed) await once(socket, 'close');
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

interface Reader {
  until(mark: string): Promise<Buffer>;
  take(length: number): Promise<Buffer>;
}

function readerOf(socket: Socket): Reader {
  let held = Buffer.alloc(0);
  let ended = false;
  let wake = () => {};
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    wake();
  });
  socket.on('close', () => {
    ended = true;
    wake();
  });
  async function more(): Promise<void> {
    if (ended) throw new Error(`the connection ended after ${held.toString('latin1')}`);
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  async function take(length: number): Promise<Buffer> {
    while (held.length < length) await more();
    const taken = held.subarray(0, length);
    held = held.subarray(length);
    return taken;
  }
  return {
    take,
    async until(mark) {
      for (;;) {
        const at = held.indexOf(mark);
        if (at >= 0) return take(at + mark.length);
        await more();
      }
    },
  };
}

async function receive(reader: Reader, method = 'GET'): Promise<WireReply> {
  const head = await reader.until('\r\n\r\n');
  const [line = '', ...lines] = head.toString('latin1').trimEnd().split('\r\n');
  const headers = new Map(
    lines.map((each) => {
      const colon = each.indexOf(':');
      return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim()] as const;
    }),
  );
  const status = Number(line.split(' ')[1]);
  const hasBody = method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304;
  const body = await reader.take(hasBody ? Number(headers.get('content-length') ?? 0) : 0);
  return { status, headers, body };
}
