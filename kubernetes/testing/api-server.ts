import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { createClusterAuthority } from '../../test/cluster/identities.ts';
import type { KubernetesConnection } from '../api/index.ts';

export interface StoredObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** Answers a request itself, or leaves it (`undefined`) to the server. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => true | undefined;

/**
 * As much of an API server as lists, watches and writes take, over TLS. It does what a real one
 * cannot be made to do: break off in the middle of an event, forget at a moment, answer garbage.
 */
export interface TestApiServer extends AsyncDisposable {
  readonly connection: KubernetesConnection;
  /** `GET /api/v1/namespaces?…`, in the order in which they came. */
  readonly requests: readonly string[];
  /** As it lies there, by `resource/namespace/name` without the group. */
  get(key: string): StoredObject | undefined;
  put(path: string, object: StoredObject): StoredObject;
  remove(path: string, name: string): void;
  /** Every watch that is open. */
  watches(): number;
  /** Breaks watches off, in the middle of an event where `half` is set. */
  cut(half?: boolean): void;
  /** Watches and lists of before cannot be continued any more. */
  forget(): void;
  fault: Fault | undefined;
}

interface Change {
  readonly version: number;
  readonly path: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
}

export async function startTestApiServer(): Promise<TestApiServer> {
  const authority = await createClusterAuthority();
  const { certificate, key } = await authority.server([{ type: 'ip', value: '127.0.0.1' }]);
  /** By the path of its collection and its name. */
  const objects = new Map<string, StoredObject>();
  const changes: Change[] = [];
  const watches = new Map<ServerResponse, (change: Change) => void>();
  const requests: string[] = [];
  let version = 1;
  let forgotten = 0;

  function record(path: string, type: Change['type'], object: StoredObject): StoredObject {
    version += 1;
    const metadata = { uid: randomUUID(), ...object.metadata, resourceVersion: String(version) };
    const stored = { ...object, metadata };
    const at = `${path}/${metadata.name}`;
    if (type === 'DELETED') objects.delete(at);
    else objects.set(at, stored);
    const change = { version, path, type, object: stored };
    changes.push(change);
    for (const tell of watches.values()) tell(change);
    return stored;
  }

  function put(path: string, object: StoredObject): StoredObject {
    const before = objects.get(`${path}/${object.metadata.name}`);
    const uid = before?.metadata.uid;
    const metadata = { ...(uid !== undefined && { uid }), ...object.metadata };
    return record(path, before === undefined ? 'ADDED' : 'MODIFIED', { ...object, metadata });
  }

  function remove(path: string, name: string): void {
    const before = objects.get(`${path}/${name}`);
    if (before !== undefined) record(path, 'DELETED', before);
  }

  function watch(path: string, query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    const selected = selection(query);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < forgotten) {
      const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
      response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
      return;
    }
    const tell = (change: Change) => {
      if (change.version <= from || change.path !== path || !selected(change.object)) return;
      response.write(`${JSON.stringify({ type: change.type, object: change.object })}\n`);
    };
    for (const change of changes) tell(change);
    watches.set(response, tell);
    response.on('close', () => watches.delete(response));
  }

  function list(path: string, query: URLSearchParams, response: ServerResponse): void {
    const [at = String(version), begin = '0'] = (query.get('continue') ?? '').split(' ');
    const snapshot = Number(at || version);
    if (snapshot < forgotten) {
      refuse(response, 410, 'Expired');
      return;
    }
    const limit = Number(query.get('limit') ?? '0') || Number.POSITIVE_INFINITY;
    const all = asOf(path, snapshot).filter(selection(query));
    const end = Number(begin) + limit;
    reply(response, 200, {
      metadata: {
        resourceVersion: String(snapshot),
        ...(end < all.length && { continue: `${snapshot} ${end}` }),
      },
      items: all.slice(Number(begin), end),
    });
  }

  /** The pages of one list are of one moment. */
  function asOf(path: string, snapshot: number): StoredObject[] {
    const found = new Map<string, StoredObject>();
    for (const change of changes) {
      if (change.path !== path || change.version > snapshot) continue;
      if (change.type === 'DELETED') found.delete(change.object.metadata.name);
      else found.set(change.object.metadata.name, change.object);
    }
    return [...found.values()];
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    requests.push(`${method} ${url}`);
    if (server.fault?.(request, response) === true) return;
    const { pathname, searchParams } = new URL(url, 'https://server');
    if (method === 'GET' && searchParams.has('watch')) {
      return watch(pathname, searchParams, response);
    }
    const present = objects.get(pathname);
    const cut = pathname.lastIndexOf('/');
    const [path, name] = [pathname.slice(0, cut), pathname.slice(cut + 1)];
    const body = method === 'GET' ? {} : JSON.parse((await text(request)) || '{}');
    if (method === 'GET' && isCollection(pathname)) return list(pathname, searchParams, response);
    if (method === 'GET') return found(response, present);
    if (method === 'POST') return reply(response, 201, put(pathname, body));
    if (method === 'DELETE') {
      remove(path, name);
      return found(response, present);
    }
    if (method === 'PUT') {
      if (present === undefined) return refuse(response, 404, 'NotFound');
      if (present.metadata.resourceVersion !== body.metadata.resourceVersion) {
        return refuse(response, 409, 'Conflict');
      }
      return reply(response, 200, put(path, body));
    }
    const applies = request.headers['content-type'] === 'application/apply-patch+yaml';
    if (present === undefined && !applies) return refuse(response, 404, 'NotFound');
    reply(response, 200, put(path, merged(present ?? {}, body) as StoredObject));
  }

  const http = createServer({ cert: certificate, key }, (request, response) => {
    void handle(request, response).catch((error) => refuse(response, 500, String(error)));
  });
  const connected = new Set<Socket>();
  http.on('connection', (socket) => {
    connected.add(socket);
    socket.on('close', () => connected.delete(socket));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));

  const server: TestApiServer = {
    connection: {
      server: `https://127.0.0.1:${(http.address() as AddressInfo).port}`,
      authority: authority.certificate,
      token: 'token',
    },
    requests,
    get: (at) => objects.get(at),
    put,
    remove,
    watches: () => watches.size,
    cut(half = false) {
      for (const response of watches.keys()) {
        if (half) response.write('{"type":"MODIFIED","object":{"metad');
        setImmediate(() => response.destroy());
      }
    },
    forget() {
      version += 1;
      forgotten = version;
    },
    fault: undefined,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => http.close(resolve));
      for (const socket of connected) socket.destroy();
      await closed;
    },
  };
  return server;
}

/** `namespaces`, `namespaces/NAME/secrets`: an odd number of words after the version. */
function isCollection(path: string): boolean {
  const words = path.split('/').slice(path.startsWith('/apis/') ? 4 : 3);
  return words.length % 2 === 1;
}

function selection(query: URLSearchParams): (object: StoredObject) => boolean {
  const name = /^metadata\.name=(.+)$/.exec(query.get('fieldSelector') ?? '')?.[1];
  const labels = (query.get('labelSelector') ?? '').split(',').filter(Boolean);
  return ({ metadata }) =>
    (name === undefined || metadata.name === name) &&
    labels.every((label) => {
      const [key = '', value] = label.split('=');
      return metadata.labels?.[key] === value;
    });
}

function merged(before: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(before) ? { ...before } : {};
  for (const [key, value] of Object.entries(patch)) result[key] = merged(result[key], value);
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function found(response: ServerResponse, object: StoredObject | undefined): void {
  if (object === undefined) refuse(response, 404, 'NotFound');
  else reply(response, 200, object);
}

function refuse(response: ServerResponse, code: number, reason: string): void {
  reply(response, code, { kind: 'Status', code, reason, message: `refused: ${reason}` });
}

function reply(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
