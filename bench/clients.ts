import { createHash, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { mediaTypes } from '#oci/media-types.ts';

/** A client of `/v2/` that does no more than it must, the same to every registry. */
export interface Client {
  readonly origin: string;
  /** Resolves to the body's length, the body thrown away; `headers` of the answer too. */
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  close(): void;
}

export interface SendOptions {
  readonly body?: Uint8Array;
  readonly contentType?: string;
  /** The status that there must be; any 2xx by default. */
  readonly status?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: number;
}

/** @param token sent with every request, where the registry asks for one */
export function clientOf(origin: string, token?: string, connections = 8): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    origin,
    close: () => agent.destroy(),
    send: (method, path, { body, contentType, status } = {}) =>
      new Promise((resolve, reject) => {
        const outgoing = request(new URL(path, origin), {
          agent,
          method,
          headers: {
            'content-length': body?.byteLength ?? 0,
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
            ...(contentType !== undefined && { 'content-type': contentType }),
          },
        });
        outgoing.on('error', reject);
        outgoing.on('response', (response) => {
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
          });
          response.on('error', reject);
          response.on('end', () => {
            const { statusCode = 0, headers } = response;
            if (
              status === undefined ? statusCode >= 200 && statusCode < 300 : statusCode === status
            )
              resolve({ status: statusCode, headers, bytes });
            else reject(new Error(`${method} ${path} was answered ${statusCode}`));
          });
        });
        outgoing.end(body);
      }),
  };
}

export interface Blob {
  readonly digest: string;
  readonly bytes: Uint8Array;
}

export function blobOf(bytes: Uint8Array): Blob {
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes };
}

/** As docker and containerd push: a session, the bytes by PATCH, the digest by PUT. */
export async function pushLargeBlob(client: Client, repository: string, blob: Blob): Promise<void> {
  const opened = await client.send('POST', `/v2/${repository}/blobs/uploads/`, { status: 202 });
  const sent = await client.send('PATCH', locationOf(client, opened), {
    body: blob.bytes,
    contentType: 'application/octet-stream',
    status: 202,
  });
  await finish(client, sent, blob.digest);
}

/** As crane and others push: a session, all the rest by one PUT. */
async function pushSmallBlob(client: Client, repository: string, blob: Blob): Promise<void> {
  const opened = await client.send('POST', `/v2/${repository}/blobs/uploads/`, { status: 202 });
  await finish(client, opened, blob.digest, blob.bytes);
}

async function finish(
  client: Client,
  answer: Answer,
  digest: string,
  body?: Uint8Array,
): Promise<void> {
  const target = new URL(locationOf(client, answer), client.origin);
  target.searchParams.set('digest', digest);
  await client.send('PUT', target.pathname + target.search, {
    ...(body !== undefined && { body }),
    contentType: 'application/octet-stream',
    status: 201,
  });
}

function locationOf(client: Client, { headers }: Answer): string {
  const { pathname, search } = new URL(String(headers.location), client.origin);
  return pathname + search;
}

export interface Image {
  readonly config: Blob;
  readonly layer: Blob;
  readonly manifest: Uint8Array;
}

/** An image like no other, with a layer of `layerBytes`. */
export function imageOf(layerBytes: number): Image {
  const layer = blobOf(randomBytes(layerBytes));
  const rootfs = { type: 'layers', diff_ids: [layer.digest] };
  const config = blobOf(
    Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs })),
  );
  const descriptor = (mediaType: string, { digest, bytes }: Blob) => ({
    mediaType,
    digest,
    size: bytes.byteLength,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.oci.manifest,
      config: descriptor(mediaTypes.oci.config, config),
      layers: [descriptor(mediaTypes.oci.layerGzip, layer)],
    }),
  );
  return { config, layer, manifest };
}

export async function pushImage(
  client: Client,
  repository: string,
  tag: string,
  { config, layer, manifest }: Image,
): Promise<void> {
  await pushSmallBlob(client, repository, layer);
  await pushSmallBlob(client, repository, config);
  await client.send('PUT', `/v2/${repository}/manifests/${tag}`, {
    body: manifest,
    contentType: mediaTypes.oci.manifest,
    status: 201,
  });
}
