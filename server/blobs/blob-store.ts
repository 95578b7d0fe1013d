import type { Readable } from 'node:stream';

/**
 * Where the bytes of a blob are kept, chosen by the store when an upload begins and unique to it:
 * letters, digits, `-` and `/`. What it means is the store's own affair.
 */
export type StorageKey = string;

/** The first and last byte of a range, both inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** No more bytes can be stored: the disk, or the bucket's quota, is full. */
export class OutOfSpace extends Error {
  constructor(options?: ErrorOptions) {
    super('The blob store has no space left', options);
    this.name = 'OutOfSpace';
  }
}

/**
 * Keeps blobs by storage key. It knows nothing of digests that clients name, repositories or
 * sessions. One conformance suite tests every implementation.
 */
export interface BlobStore {
  /** Opens an upload. Nothing of it can be read until `commit`. */
  begin(): Promise<StorageKey>;

  /**
   * Writes `source` at `offset` of an open upload; what an earlier, broken attempt left behind
   * `offset` is overwritten. Resolves to the upload's new size. When the source fails, what
   * arrived is kept, and the error carries nothing: ask `uploadSize`.
   * @throws {OutOfSpace}
   */
  append(key: StorageKey, offset: number, source: AsyncIterable<Uint8Array>): Promise<number>;

  /** Bytes that an open upload holds; undefined when there is no such upload. */
  uploadSize(key: StorageKey): Promise<number | undefined>;

  /** The digest (`algorithm:hex`) of the first `size` bytes of an open upload. */
  digest(key: StorageKey, algorithm: 'sha256' | 'sha512', size: number): Promise<string>;

  /**
   * Makes the first `size` bytes of an upload a blob that survives power loss: data sync, rename,
   * folder sync. Repeating it is harmless.
   */
  commit(key: StorageKey, size: number): Promise<void>;

  /** Forgets an upload. Repeating it is harmless. */
  abort(key: StorageKey): Promise<void>;

  /** Bytes of a committed blob; undefined when it is lost. */
  size(key: StorageKey): Promise<number | undefined>;

  /**
   * Writes `range` of a committed blob to `destination` at the pace that it takes, without ending
   * it. Rejects when the blob is lost or the destination is closed.
   */
  send(key: StorageKey, range: ByteRange, destination: NodeJS.WritableStream): Promise<void>;

  /** A committed blob as a stream, for the server's own readers. */
  read(key: StorageKey): Promise<Readable>;

  /** Deletes a committed blob. Repeating it is harmless. */
  delete(key: StorageKey): Promise<void>;

  close(): Promise<void>;
}
