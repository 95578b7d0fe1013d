import type { Readable } from 'node:stream';

/**
 * Where the bytes of a blob are kept, chosen by the store when an upload begins and unique to it:
 * letters, digits, `-` and `/`. What it means is the store's own affair.
 */
export type StorageKey = string;

export type DigestAlgorithm = 'sha256' | 'sha512';

/** The first and last byte of a range, both inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** A committed blob as the store finds it. Times are milliseconds since 1970. */
export interface StoredBlob {
  readonly key: StorageKey;
  readonly size: number;
  readonly modifiedAt: number;
}

/** An open upload as the store finds it. */
export interface StoredUpload {
  readonly key: StorageKey;
  /** When it was last written or, in a store that cannot tell, begun. */
  readonly modifiedAt: number;
}

/** What a store says of its own state. */
export interface StoreHealth {
  /** False while no more bytes can be stored; what is there can be read. */
  readonly writable: boolean;
  /** Absent where the store cannot tell. */
  readonly space?: { readonly freeBytes: number; readonly totalBytes: number };
}

/** No more bytes can be stored: the disk, or the bucket's quota, is full. */
export class OutOfSpace extends Error {
  constructor(options?: ErrorOptions) {
    super('The blob store has no space left', options);
    this.name = 'OutOfSpace';
  }
}

/** There is no such committed blob, or it is shorter than it was. */
export class BlobLost extends Error {
  constructor(key: StorageKey, options?: ErrorOptions) {
    super(`The blob store has lost blob ${key}`, options);
    this.name = 'BlobLost';
  }
}

/** There is no such open upload: never begun, aborted, or committed. */
export class UploadUnknown extends Error {
  constructor(key: StorageKey, options?: ErrorOptions) {
    super(`The blob store has no open upload ${key}`, options);
    this.name = 'UploadUnknown';
  }
}

/** Whoever was being sent a blob has gone. */
export class DestinationClosed extends Error {
  constructor(options?: ErrorOptions) {
    super('The destination closed before the whole blob was sent', options);
    this.name = 'DestinationClosed';
  }
}

/**
 * Keeps blobs by storage key. It knows nothing of digests that clients name, repositories or
 * sessions. One conformance suite tests every implementation. A string that cannot be one of the
 * store's keys is refused by every method before anything is touched.
 */
export interface BlobStore {
  /**
   * Opens an upload. Nothing of it can be read until `commit`. A restore gives the `key` that a
   * store chose before, and opens an upload again that an earlier attempt left open.
   * @throws {OutOfSpace}
   */
  begin(key?: StorageKey): Promise<StorageKey>;

  /**
   * Writes `source` at `offset` of an open upload; what an earlier, broken attempt left behind
   * `offset` is overwritten. Resolves to the upload's new size. When the source fails, what
   * arrived is kept, and the error carries nothing: ask `uploadSize`.
   *
   * A `Readable` is left open when `append` fails, so that the rest of a request can be drained.
   * One append or commit runs at a time on an upload; another meanwhile is an error, as is an
   * `offset` beyond the upload's size.
   * @throws {OutOfSpace}
   * @throws {UploadUnknown}
   */
  append(key: StorageKey, offset: number, source: AsyncIterable<Uint8Array>): Promise<number>;

  /** Bytes that an open upload holds; undefined when there is no such upload. */
  uploadSize(key: StorageKey): Promise<number | undefined>;

  /**
   * The digest (`algorithm:hex`) of the first `size` bytes of an open upload.
   * @throws {UploadUnknown}
   */
  digest(key: StorageKey, algorithm: DigestAlgorithm, size: number): Promise<string>;

  /**
   * Makes the first `size` bytes of an upload a blob that survives power loss: data sync, rename,
   * folder sync. Repeating it is harmless. When it fails the upload may be gone, and has to be
   * sent again.
   * @throws {OutOfSpace}
   * @throws {UploadUnknown}
   */
  commit(key: StorageKey, size: number): Promise<void>;

  /** Forgets an upload. Repeating it is harmless. */
  abort(key: StorageKey): Promise<void>;

  /** Bytes of a committed blob; undefined when it is lost. */
  size(key: StorageKey): Promise<number | undefined>;

  /**
   * Reads all of a committed blob, off the main thread, and tells its size and its digest
   * (`algorithm:hex`).
   * @throws {BlobLost}
   */
  rehash(
    key: StorageKey,
    algorithm: DigestAlgorithm,
  ): Promise<{ readonly size: number; readonly digest: string }>;

  /**
   * Writes `range` of a committed blob to `destination` at the pace that it takes, without ending
   * it. All of an empty blob is the range from 0 to -1. A chunk's memory is used again once its write has called back: sockets and responses are
   * done with it by then; a `PassThrough` is not, and is given `read` instead.
   * @throws {BlobLost}
   * @throws {DestinationClosed}
   */
  send(key: StorageKey, range: ByteRange, destination: NodeJS.WritableStream): Promise<void>;

  /**
   * A committed blob as a stream, for the server's own readers.
   * @throws {BlobLost}
   */
  read(key: StorageKey): Promise<Readable>;

  /** Deletes a committed blob; a transfer under way still ends well. Repeating it is harmless. */
  delete(key: StorageKey): Promise<void>;

  /** Every committed blob, in no order. One that comes or goes meanwhile may be missing. */
  list(): AsyncIterable<StoredBlob>;

  /** Every open upload, in no order. */
  listUploads(): AsyncIterable<StoredUpload>;

  /** Looks whether bytes can be stored, by storing some. Rejects when that fails for want of anything but space. */
  health(): Promise<StoreHealth>;

  close(): Promise<void>;
}
