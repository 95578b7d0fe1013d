import { randomUUID } from 'node:crypto';
import { Refusal } from '#lib/errors.ts';
import { algorithmOf, type Digest } from '#oci/digest.ts';
import { OciError } from '#oci/errors.ts';
import { type BlobStore, OutOfSpace } from '#server/blobs/blob-store.ts';
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
  /** Forgets uploads that nothing has happened to for `milliseconds`; tells how many. */
  expire(milliseconds: number): Promise<number>;
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
      const id = randomUUID();
      const storageKey = await guardSpace(() => store.begin());
      await database.write(createUpload, { id, repository, storageKey, now: now() });
      return id;
    },

    async offset(repository, id) {
      const upload = await queries.upload(repository, id);
      return upload?.offset ?? unknownUpload(id);
    },

    async append(repository, id, chunk) {
      return leased(repository, id, async (upload) => {
        const offset = await receive(id, upload, chunk);
        return { offset, result: offset };
      });
    },

    async finish(id, chunk, { repository, digest, pusher }) {
      await leased(repository, id, async (upload) => {
        const size = await receive(id, upload, chunk);
        const actual = await store.digest(upload.storageKey, algorithmOf(digest), size);
        if (actual !== digest) {
          await store.abort(upload.storageKey);
          await database.write(deleteUpload, { id });
          throw new OciError(
            'DIGEST_INVALID',
            `The ${size} bytes received have the digest ${actual}, not ${digest}: push the blob again.`,
          );
        }
        await guardSpace(() => store.commit(upload.storageKey, size));
        const { kept } = await database.write(linkUploadedBlob, {
          repository,
          pusher,
          digest,
          size,
          storageKey: upload.storageKey,
          now: now(),
        });
        if (!kept) await store.delete(upload.storageKey);
        await database.write(deleteUpload, { id });
        return { offset: 'forgotten', result: undefined };
      });
    },

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

    async expire(milliseconds) {
      const idle = await queries.uploadsIdleSince(now() - milliseconds, 1000);
      for (const { id, storageKey } of idle) await forget(id, storageKey);
      return idle.length;
    },
  };

  async function lease(repository: string, id: string): Promise<Upload> {
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

  async function receive(id: string, upload: Upload, chunk: Chunk | undefined): Promise<number> {
    if (chunk === undefined) return upload.offset;
    if (chunk.first !== undefined && chunk.first !== upload.offset) {
      throw new OutOfOrder(upload.offset);
    }
    const size = await guardSpace(() =>
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

function unknownUpload(id: string): never {
  throw new OciError(
    'BLOB_UPLOAD_UNKNOWN',
    `There is no open upload ${id}: it was finished, cancelled or given up; begin a new one.`,
  );
}

async function guardSpace<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OutOfSpace)) throw error;
    throw new Refusal(
      'no-space',
      'The registry has no space left for this upload: an operator can free some by deleting images, or enlarge its volume; then push again.',
      { cause: error },
    );
  }
}
