import { randomUUID } from 'node:crypto';
import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';
import { algorithmOf, type Digest } from '#oci/digest.ts';
import { OciError } from '#oci/errors.ts';
import { type BlobStore, OutOfSpace, UploadUnknown } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { RegistryQueries } from './queries.ts';
import { linkUploadedBlob, mountBlob } from './writes/blobs.ts';
import type { Pusher } from './writes/repositories.ts';
import {
  createUpload,
  deleteUpload,
  leaseUpload,
  releaseUpload,
  renewUpload,
  type Upload,
} from './writes/uploads.ts';

/** How long a request may hold an upload without a sign of life. */
const leaseMilliseconds = 60_000;

/** A chunk that does not begin where the upload ends. The upload lives on at `offset`. */
export class OutOfOrder extends Error {
  readonly offset: number;

  constructor(offset: number) {
    super(`the upload ends at byte ${offset}`);
    this.name = 'OutOfOrder';
    this.offset = offset;
  }
}

export interface Chunk {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Where the client says the chunk begins. */
  readonly first?: number;
  /** How long the client says it is. */
  readonly length?: number;
}

export interface FinishedUpload {
  readonly repository: string;
  readonly digest: Digest;
  readonly pusher: Pusher;
}

export interface Uploads {
  /** Opens an upload, and tells its id. */
  begin(repository: string): Promise<string>;
  /** Makes one chunk a blob; nothing of it is left when that fails. @throws {OciError | Refusal} */
  receive(chunk: Chunk | undefined, finished: FinishedUpload): Promise<void>;
  /** Bytes received. @throws {OciError} BLOB_UPLOAD_UNKNOWN */
  offset(repository: string, id: string): Promise<number>;
  /** Appends a chunk and tells the new offset. @throws {OutOfOrder | OciError | Refusal} */
  append(repository: string, id: string, chunk: Chunk): Promise<number>;
  /** Appends a last chunk and makes the upload a blob. @throws {OutOfOrder | OciError | Refusal} */
  finish(id: string, chunk: Chunk | undefined, finished: FinishedUpload): Promise<void>;
  /** @throws {OciError} BLOB_UPLOAD_UNKNOWN */
  cancel(repository: string, id: string): Promise<void>;
  /** Links a blob that one of `sources` holds; false when none does. */
  mount(sources: readonly string[], finished: FinishedUpload): Promise<boolean>;
}

export function createUploads(options: {
  database: Database;
  queries: RegistryQueries;
  store: BlobStore;
  now: () => number;
}): Uploads {
  const { database, queries, store, now } = options;

  return {
    async begin(repository) {
      const { id } = await open(repository);
      return id;
    },

    async receive(chunk, finished) {
      const { id, storageKey } = await open(finished.repository);
      try {
        await finish(id, chunk, finished);
      } catch (error) {
        // What cannot be forgotten now expires.
        await forget(id, storageKey).catch(() => {});
        throw error;
      }
    },

    async offset(repository, id) {
      const upload = isUploadId(id) ? await queries.upload(repository, id) : undefined;
      return upload?.offset ?? unknownUpload(id);
    },

    async append(repository, id, chunk) {
      return leased(repository, id, async (upload) => {
        const offset = await append(id, upload, chunk);
        return { offset, result: offset };
      });
    },

    finish,

    async cancel(repository, id) {
      const upload = await lease(repository, id);
      await forget(id, upload.storageKey);
    },

    async mount(sources, { repository, digest, pusher }) {
      if (sources.length === 0) return false;
      const { mounted } = await database.write(mountBlob, {
        repository,
        pusher,
        sources,
        digest,
        now: now(),
      });
      return mounted;
    },
  };

  async function open(repository: string): Promise<{ id: string; storageKey: string }> {
    const id = randomUUID();
    const storageKey = await storing(id, () => store.begin());
    await database.write(createUpload, { id, repository, storageKey, now: now() });
    return { id, storageKey };
  }

  async function finish(
    id: string,
    chunk: Chunk | undefined,
    { repository, digest, pusher }: FinishedUpload,
  ): Promise<void> {
    await leased(repository, id, async (upload) => {
      const { storageKey } = upload;
      const size = await append(id, upload, chunk);
      const actual = await storing(id, () => store.digest(storageKey, algorithmOf(digest), size));
      if (actual !== digest) {
        await forget(id, storageKey);
        throw new OciError(
          'DIGEST_INVALID',
          `The ${size} bytes received have the digest ${actual}, not ${digest}: push the blob again.`,
        );
      }
      await storing(id, () => store.commit(storageKey, size));
      const { kept, replaced } = await database.write(linkUploadedBlob, {
        repository,
        pusher,
        digest,
        size,
        storageKey,
        now: now(),
      });
      if (!kept) await store.delete(storageKey);
      if (replaced !== undefined) await store.delete(replaced);
      await database.write(deleteUpload, { id });
      return { offset: 'forgotten', result: undefined };
    });
  }

  async function lease(repository: string, id: string): Promise<Upload> {
    if (!isUploadId(id)) return unknownUpload(id);
    const upload = await database.write(leaseUpload, {
      id,
      repository,
      leaseUntil: now() + leaseMilliseconds,
      now: now(),
    });
    if (upload === 'unknown') return unknownUpload(id);
    if (upload === 'busy') {
      throw new Refusal(
        'conflict',
        `Another request is writing to the upload ${id}: wait for it to end, or begin a new upload.`,
      );
    }
    return upload;
  }

  /** Holds an upload while `work` writes to it, and gives it back whatever happens. */
  async function leased<Result>(
    repository: string,
    id: string,
    work: (upload: Upload) => Promise<{ offset: number | 'forgotten'; result: Result }>,
  ): Promise<Result> {
    const upload = await lease(repository, id);
    const renewal = setInterval(() => {
      database
        .write(renewUpload, { id, leaseUntil: now() + leaseMilliseconds })
        .catch(() => clearInterval(renewal));
    }, leaseMilliseconds / 3);
    let offset: number | 'forgotten' = upload.offset;
    try {
      const done = await work(upload);
      offset = done.offset;
      return done.result;
    } catch (error) {
      // What arrived before the client went away is kept: it may come back and go on from there.
      const refused = error instanceof OciError || error instanceof OutOfOrder;
      if (!refused) offset = (await store.uploadSize(upload.storageKey)) ?? offset;
      throw error;
    } finally {
      clearInterval(renewal);
      if (offset !== 'forgotten') await database.write(releaseUpload, { id, offset, now: now() });
    }
  }

  async function append(id: string, upload: Upload, chunk: Chunk | undefined): Promise<number> {
    if (chunk === undefined) return upload.offset;
    if (chunk.first !== undefined && chunk.first !== upload.offset) {
      throw new OutOfOrder(upload.offset);
    }
    const size = await storing(id, () =>
      store.append(upload.storageKey, upload.offset, chunk.bytes),
    );
    const received = size - upload.offset;
    if (chunk.length !== undefined && chunk.length !== received) {
      throw new OciError(
        'SIZE_INVALID',
        `The chunk for the upload ${id} has ${received} bytes, but its Content-Range says ${chunk.length}.`,
      );
    }
    return size;
  }

  async function forget(id: string, storageKey: string): Promise<void> {
    await store.abort(storageKey);
    await database.write(deleteUpload, { id });
  }
}

function isUploadId(id: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
}

function unknownUpload(id: string): never {
  throw new OciError(
    'BLOB_UPLOAD_UNKNOWN',
    `There is no open upload ${quote(id)}: it was finished, cancelled or given up; begin a new one.`,
  );
}

/** Failures of the store that the client can do something about, said to it. */
async function storing<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UploadUnknown) return unknownUpload(id);
    if (!(error instanceof OutOfSpace)) throw error;
    throw new Refusal(
      'no-space',
      'The registry has no space left for this upload: an operator can free some by deleting images, or enlarge its volume; then push again.',
      { cause: error },
    );
  }
}
