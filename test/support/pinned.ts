import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';

export interface PinnedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface PinnedRequest {
  readonly method?: string;
  /** `user:password` */
  readonly as?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** One connection that stays open, and with it at one process of the server. Plain HTTP. */
export interface Pinned {
  send(path: string, options?: PinnedRequest): Promise<PinnedReply>;
  /** Begins a request, to be written and read by hand. */
  open(path: string, options?: PinnedRequest): ClientRequest;
  /** The process that answers it; one request must have been answered. */
  process(among: readonly number[]): number | undefined;
  close(): void;
}

export function pin(port: number): Pinned {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let socket: Socket | undefined;

  function open(path: string, { method = 'GET', as, headers, body }: PinnedRequest = {}) {
    const opened = request({
      agent,
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: {
        ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
        ...(as !== undefined && { authorization: `Basic ${btoa(as)}` }),
        ...headers,
      },
    });
    opened.on('socket', (used) => {
      if (socket !== undefined && socket !== used)
        opened.destroy(new Error('The connection ended'));
      socket = used;
    });
    return opened;
  }

  return {
    open,
    async send(path, options = {}) {
      const opened = open(path, options);
      opened.end(options.body);
      return readReply(opened);
    },
    process(among) {
      if (socket?.localPort === undefined) return undefined;
      const inode = serverSocket(port, socket.localPort);
      return among.find((pid) => inode !== undefined && holds(pid, inode));
    },
    close: () => agent.destroy(),
  };
}

export async function readReply(opened: ClientRequest): Promise<PinnedReply> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    opened.once('response', resolve).once('error', reject);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers as PinnedReply['headers'],
    body: Buffer.concat(chunks),
  };
}

/** One connection to each of the processes, in their order. */
export async function pinToEach(port: number, pids: readonly number[]): Promise<Pinned[]> {
  const found = new Map<number, Pinned>();
  const deadline = performance.now() + 60_000;
  while (found.size < pids.length) {
    if (performance.now() > deadline) {
      throw new Error(`Only ${found.size} of ${pids.length} processes answer`);
    }
    const pinned = pin(port);
    await pinned.send('/healthz');
    const pid = pinned.process(pids);
    if (pid === undefined || found.has(pid)) pinned.close();
    else found.set(pid, pinned);
  }
  return pids.map((pid) => found.get(pid) as Pinned);
}

/** The inode of the server's end of a connection over loopback (proc(5), net/tcp). */
function serverSocket(serverPort: number, clientPort: number): string | undefined {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(table, 'utf8').split('\n')) {
      const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
      if (local?.endsWith(`:${hex(serverPort)}`) && remote?.endsWith(`:${hex(clientPort)}`)) {
        return inode;
      }
    }
  }
  return undefined;
}

function holds(pid: number, inode: string): boolean {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).some((name) => {
    try {
      return readlinkSync(`${folder}/${name}`) === `socket:[${inode}]`;
    } catch {
      return false;
    }
  });
}

/** Pushes a blob into the repository `library/NAME`, and tells where it is pulled. */
export async function pushBlob(
  pinned: Pinned,
  as: string,
  name: string,
  bytes: Uint8Array,
): Promise<string> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const path = `/v2/library/${name}/blobs`;
  const { status, body } = await pinned.send(`${path}/uploads/?digest=${digest}`, {
    method: 'POST',
    as,
    headers: { 'content-type': 'application/octet-stream' },
    body: bytes,
  });
  if (status !== 201) throw new Error(`The blob was not pushed: ${status} ${body}`);
  return `${path}/${digest}`;
}
