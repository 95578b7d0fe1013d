import { type Credentials, createAuthorizer } from './client/authorizer.ts';
import {
  type BlobRange,
  type BlobStream,
  deleteBlob,
  getBlob,
  headBlob,
  mountBlob,
  pushBlob,
  pushBlobInChunks,
  readBlob,
} from './client/blobs.ts';
import { listReferrers, listTags } from './client/listings.ts';
import {
  deleteManifest,
  type FetchedManifest,
  getManifest,
  headManifest,
  type ManifestHead,
  type PushedManifest,
  putManifest,
} from './client/manifests.ts';
import { createSession } from './client/session.ts';
import { createTransport } from './client/transport.ts';
import type { Content } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { requireRegistry } from './reference.ts';

export { RegistryFailure, type RegistryFailureReason } from './client/errors.ts';
export type { BlobRange, BlobStream, Credentials, FetchedManifest, ManifestHead, PushedManifest };

export interface RegistryClientOptions {
  /** `host[:port]`. */
  readonly registry: string;
  readonly protocol: 'http' | 'https';
  readonly credentials?: Credentials;
  /** PEM, trusted in addition to the authorities that Node.js trusts. */
  readonly certificateAuthorities?: string;
  /** Milliseconds without a byte in either direction after which a request fails. */
  readonly idleTimeout?: number;
}

/**
 * The client's half of the distribution specification. Every method throws `RegistryFailure` when
 * the registry cannot be reached or refuses; `reference` is a tag or a digest.
 */
export interface RegistryClient {
  /** Resolves when the registry speaks the protocol and takes the credentials. */
  ping(): Promise<void>;
  getManifest(repository: string, reference: string): Promise<FetchedManifest>;
  /** Undefined when there is no such manifest, or none that the caller may see. */
  headManifest(repository: string, reference: string): Promise<ManifestHead | undefined>;
  putManifest(
    repository: string,
    reference: string,
    manifest: { readonly bytes: Uint8Array; readonly mediaType: string },
  ): Promise<PushedManifest>;
  deleteManifest(repository: string, reference: string): Promise<void>;
  /** The size of a blob; undefined when the repository holds none of that digest. */
  headBlob(repository: string, digest: Digest): Promise<number | undefined>;
  getBlob(repository: string, digest: Digest, range?: BlobRange): Promise<BlobStream>;
  /** A whole blob of at most `maximumBytes`, checked against its digest. */
  readBlob(repository: string, digest: Digest, maximumBytes: number): Promise<Uint8Array>;
  pushBlob(repository: string, digest: Digest, content: Content): Promise<void>;
  pushBlobInChunks(
    repository: string,
    digest: Digest,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void>;
  /** False when the registry did not mount: push the blob. Without `from` it may look anywhere. */
  mountBlob(repository: string, digest: Digest, from?: string): Promise<boolean>;
  deleteBlob(repository: string, digest: Digest): Promise<void>;
  listTags(repository: string): AsyncIterable<string>;
  listReferrers(
    repository: string,
    digest: Digest,
    artifactType?: string,
  ): AsyncIterable<Descriptor>;
  /** Closes the connections that are kept open. */
  close(): void;
}

const defaultIdleTimeout = 30_000;

/** @throws {OciError} NAME_INVALID when `registry` is no host */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const registry = new URL(`${options.protocol}://${requireRegistry(options.registry)}`);
  const transport = createTransport({
    idleTimeout: options.idleTimeout ?? defaultIdleTimeout,
    ...(options.certificateAuthorities === undefined
      ? {}
      : { certificateAuthorities: options.certificateAuthorities }),
  });
  const authorizer = createAuthorizer(transport, registry, options.credentials);
  const session = createSession(registry, transport, authorizer);
  return {
    async ping() {
      const url = new URL('/v2/', registry);
      await session.read({ method: 'GET', url, scopes: [], accept: [200] }, 65_536);
    },
    getManifest: (...parameters) => getManifest(session, ...parameters),
    headManifest: (...parameters) => headManifest(session, ...parameters),
    putManifest: (...parameters) => putManifest(session, ...parameters),
    deleteManifest: (...parameters) => deleteManifest(session, ...parameters),
    headBlob: (...parameters) => headBlob(session, ...parameters),
    getBlob: (...parameters) => getBlob(session, ...parameters),
    readBlob: (...parameters) => readBlob(session, ...parameters),
    pushBlob: (...parameters) => pushBlob(session, ...parameters),
    pushBlobInChunks: (...parameters) => pushBlobInChunks(session, ...parameters),
    mountBlob: (...parameters) => mountBlob(session, ...parameters),
    deleteBlob: (...parameters) => deleteBlob(session, ...parameters),
    listTags: (...parameters) => listTags(session, ...parameters),
    listReferrers: (...parameters) => listReferrers(session, ...parameters),
    close: () => transport.close(),
  };
}
