import {
  createServer as createPlainServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { formatChallenge } from '../challenge.ts';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from '../client.ts';
import { digestOf, isDigest } from '../digest.ts';
import { parseManifest } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';

export interface TestRegistryOptions {
  readonly authentication?: 'basic' | 'bearer';
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Answers in the registry's stead when it returns true. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface TestRegistry extends AsyncDisposable {
  readonly host: string;
  /** `METHOD path?query` of each request, in order. */
  readonly requests: readonly string[];
  /** Scopes of each token given out. */
  readonly grants: readonly string[][];
}

export const testCredentials = { username: 'jane', password: 'pa:ss wörd' };
const basic = `Basic ${Buffer.from(`${testCredentials.username}:${testCredentials.password}`).toString('base64')}`;

interface StoredManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
}

/** A registry in memory, just large enough to speak the distribution specification over real HTTP. */
export async function startTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const requests: string[] = [];
  const grants: string[][] = [];
  const manifests = new Map<string, StoredManifest>();
  const blobs = new Map<string, Buffer>();
  const uploads = new Map<string, Buffer>();

  function refuse(response: ServerResponse, status: number, code: string, message: string): void {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code, message }] }));
  }

  function authorized(request: IncomingMessage, response: ServerResponse, url: URL): boolean {
    const given = request.headers.authorization;
    if (options.authentication === undefined) return true;
    if (options.authentication === 'basic' && given === basic) return true;
    const scope = /^\/v2\/(.+)\/(?:blobs|manifests|tags|referrers)\//.exec(url.pathname)?.[1] ?? '';
    if (given?.startsWith('Bearer ') && given.slice(7).includes(scope)) return true;
    const challenge =
      options.authentication === 'basic'
        ? formatChallenge('Basic', [['realm', 'test']])
        : formatChallenge('Bearer', [
            ['realm', `${url.origin}/token`],
            ['service', 'test'],
          ]);
    response.setHeader('www-authenticate', challenge);
    refuse(response, 401, 'UNAUTHORIZED', 'Sign in first.');
    return false;
  }

  function giveToken(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const given = request.headers.authorization;
    if (given !== undefined && given !== basic) {
      refuse(response, 401, 'UNAUTHORIZED', 'The password of jane is wrong.');
      return;
    }
    const scopes = url.searchParams.getAll('scope');
    grants.push(scopes);
    response.end(JSON.stringify({ token: scopes.join('+') || 'none', expires_in: 300 }));
  }

  function serveBytes(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const first = Number(range?.[1] ?? 0);
    const last = Math.min(range?.[2] ? Number(range[2]) : bytes.length - 1, bytes.length - 1);
    const part = bytes.subarray(first, last + 1);
    response.writeHead(range === null ? 200 : 206, { 'content-length': part.length });
    response.end(request.method === 'HEAD' ? undefined : part);
  }

  function serveTags(response: ServerResponse, url: URL, repository: string): void {
    const tags = [...manifests.keys()]
      .filter((key) => key.startsWith(`${repository}@`) && !key.includes(':'))
      .map((key) => key.slice(repository.length + 1))
      .sort();
    const last = url.searchParams.get('last') ?? '';
    const rest = tags.filter((tag) => tag > last);
    const page = rest.slice(0, 2);
    if (page.length < rest.length) {
      response.setHeader('link', `</v2/${repository}/tags/list?last=${page.at(-1)}>; rel="next"`);
    }
    response.end(JSON.stringify({ name: repository, tags: page }));
  }

  function serveReferrers(response: ServerResponse, repository: string, digest: string): void {
    const children = [...manifests]
      .filter(([key]) => key.startsWith(`${repository}@`) && key.includes(':'))
      .map(([, stored]) => ({ stored, parsed: parseManifest(stored.bytes, stored.mediaType) }))
      .filter(({ parsed }) => parsed.subject?.digest === digest)
      .map(({ stored, parsed }) => ({
        mediaType: parsed.mediaType,
        digest: digestOf('sha256', stored.bytes),
        size: stored.bytes.length,
        artifactType: parsed.artifactType,
      }));
    response.setHeader('content-type', mediaTypes.oci.index);
    response.end(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.oci.index, manifests: children }),
    );
  }

  async function serveManifest(
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
    reference: string,
  ): Promise<void> {
    const key = `${repository}@${reference}`;
    if (request.method === 'PUT') {
      const bytes = await buffer(request);
      const mediaType = request.headers['content-type'] ?? '';
      const { subject } = parseManifest(bytes, mediaType);
      const digest = digestOf('sha256', bytes);
      manifests.set(key, { bytes, mediaType }).set(`${repository}@${digest}`, { bytes, mediaType });
      response.writeHead(201, {
        'docker-content-digest': digest,
        ...(subject === undefined ? {} : { 'oci-subject': subject.digest }),
      });
      response.end();
      return;
    }
    const stored = manifests.get(key);
    if (stored === undefined) {
      refuse(response, 404, 'MANIFEST_UNKNOWN', `There is no ${reference} in ${repository}.`);
    } else if (request.method === 'DELETE') {
      manifests.delete(key);
      response.writeHead(202).end();
    } else {
      response.setHeader('content-type', stored.mediaType);
      response.setHeader('docker-content-digest', digestOf('sha256', stored.bytes));
      serveBytes(request, response, stored.bytes);
    }
  }

  function serveBlob(
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
    digest: string,
  ): void {
    const bytes = blobs.get(`${repository}@${digest}`);
    if (bytes === undefined) refuse(response, 404, 'BLOB_UNKNOWN', `There is no blob ${digest}.`);
    else if (request.method !== 'DELETE') serveBytes(request, response, bytes);
    else {
      blobs.delete(`${repository}@${digest}`);
      response.writeHead(202).end();
    }
  }

  function beginUpload(response: ServerResponse, url: URL, repository: string): void {
    const mount = url.searchParams.get('mount');
    const source = blobs.get(`${url.searchParams.get('from')}@${mount}`);
    if (source !== undefined) {
      blobs.set(`${repository}@${mount}`, source);
      response.writeHead(201, { location: `/v2/${repository}/blobs/${mount}` }).end();
      return;
    }
    const id = `${uploads.size + 1}`;
    uploads.set(id, Buffer.alloc(0));
    // A query of the registry's own, which the digest must join rather than replace.
    response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/${id}?state=x` }).end();
  }

  async function continueUpload(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    repository: string,
    id: string,
  ): Promise<void> {
    const held = uploads.get(id);
    if (held === undefined || url.searchParams.get('state') !== 'x') {
      refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'There is no such upload.');
      return;
    }
    if (request.method === 'DELETE') {
      uploads.delete(id);
      response.writeHead(204).end();
      return;
    }
    const range = request.headers['content-range'];
    const bytes = Buffer.concat([held, await buffer(request)]);
    if (range !== undefined && range !== `${held.length}-${bytes.length - 1}`) {
      refuse(response, 416, 'RANGE_INVALID', `The upload holds ${held.length} bytes.`);
      return;
    }
    uploads.set(id, bytes);
    if (request.method === 'PATCH') {
      response.writeHead(202, { location: `${id}?state=x` }).end();
      return;
    }
    const digest = url.searchParams.get('digest') ?? '';
    if (
      !isDigest(digest) ||
      digestOf(digest.startsWith('sha256') ? 'sha256' : 'sha512', bytes) !== digest
    ) {
      refuse(response, 400, 'DIGEST_INVALID', 'The bytes have another digest.');
      return;
    }
    blobs.set(`${repository}@${digest}`, bytes);
    response.writeHead(201, { location: `/v2/${repository}/blobs/${digest}` }).end();
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const scheme = options.tls === undefined ? 'http' : 'https';
    const url = new URL(request.url ?? '/', `${scheme}://${request.headers.host}`);
    requests.push(`${request.method} ${url.pathname}${url.search}`);
    if (options.intercept?.(request, response)) return;
    if (url.pathname === '/token') return giveToken(request, response, url);
    if (!authorized(request, response, url)) return;
    if (url.pathname === '/v2/') {
      response.end('{}');
      return;
    }
    const [, repository = '', noun = '', name = ''] =
      /^\/v2\/(.+)\/(manifests|blobs|tags|referrers|blobs\/uploads)\/([^/]*)$/.exec(url.pathname) ??
      [];
    if (noun === 'manifests') return serveManifest(request, response, repository, name);
    if (noun === 'tags') return serveTags(response, url, repository);
    if (noun === 'referrers') return serveReferrers(response, repository, name);
    if (noun === 'blobs') return serveBlob(request, response, repository, name);
    if (name === '') return beginUpload(response, url, repository);
    return continueUpload(request, response, url, repository, name);
  }

  function listener(request: IncomingMessage, response: ServerResponse): void {
    serve(request, response).catch(() => response.destroy());
  }
  const server =
    options.tls === undefined
      ? createPlainServer(listener)
      : createTlsServer(options.tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    grants,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A client of a test registry that `using` closes. */
export function connect(
  registry: TestRegistry,
  options: Partial<RegistryClientOptions> = {},
): RegistryClient & Disposable {
  const client = createRegistryClient({ registry: registry.host, protocol: 'http', ...options });
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}
