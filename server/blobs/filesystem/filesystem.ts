import { mkdir, open, opendir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { systemErrorCode } from '#lib/errors.ts';
import {
  BlobLost,
  type BlobStore,
  OutOfSpace,
  type StorageKey,
  UploadUnknown,
} from '../blob-store.ts';
import {
  createFolderDurably,
  isSpaceError,
  moveDurably,
  statIfPresent,
  syncFolder,
  unlinkIfPresent,
} from './durable.ts';
import { FolderSyncs } from './folder-syncs.ts';
import { examineFolder } from './health.ts';
import { blobPath, isStorageKey, layoutOf, newStorageKey, uploadPath } from './paths.ts';
import { sendFile } from './send.ts';
import { TransferMemory } from './transfer-memory.ts';
import { UploadHashes } from './upload-hashes.ts';
import { UploadThreads } from './upload-threads.ts';
import { UploadWriter } from './upload-writer.ts';

const READ_STREAM_BYTES = 256 * 1024;

/** Opens the blob store in `folder`, which is created when it is missing. */
export async function openFilesystemBlobStore(options: { folder: string }): Promise<BlobStore> {
  const layout = layoutOf(options.folder);
  await createFolderDurably(options.folder);
  for (const folder of [layout.uploads, layout.blobs, ...layout.shards]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  await syncFolder(layout.blobs);
  await syncFolder(options.folder);

  const memory = new TransferMemory();
  const threads = new UploadThreads(memory);
  const hashes = new UploadHashes();
  const folderSyncs = new FolderSyncs(syncFolder);
  const busy = new Set<StorageKey>();

  /** A blob that an append still writes would change after its digest was checked. */
  async function alone<T>(key: StorageKey, work: () => Promise<T>): Promise<T> {
    if (busy.has(key)) throw new Error(`Upload ${key} is still being written or committed`);
    busy.add(key);
    try {
      return await spaceErrorsNamed(work);
    } finally {
      busy.delete(key);
    }
  }

  async function append(key: StorageKey, offset: number, source: AsyncIterable<Uint8Array>) {
    await using file = await openUpload(uploadPath(layout, key), key);
    const before = await file.stat({ bigint: true });
    if (!(Number.isSafeInteger(offset) && offset >= 0 && offset <= before.size)) {
      throw new RangeError(`Upload ${key} holds ${before.size} bytes: none can go to ${offset}`);
    }
    if (offset < before.size) {
      hashes.forget(key);
      await file.truncate(offset);
    }
    const writer = new UploadWriter(file, offset, hashes.take(key, before), memory, threads);
    try {
      for await (const chunk of leftOpen(source)) await writer.add(chunk);
    } finally {
      try {
        await writer.finish();
      } finally {
        if (writer.lost) await unlinkIfPresent(uploadPath(layout, key));
        const after = await file.stat({ bigint: true });
        if (writer.hash && after.size === BigInt(writer.end)) hashes.keep(key, writer.hash, after);
        else writer.hash?.drop();
      }
    }
    return writer.end;
  }

  async function commit(key: StorageKey, size: number): Promise<void> {
    const upload = uploadPath(layout, key);
    const blob = blobPath(layout, key);
    hashes.forget(key);
    try {
      await moveDurably(upload, blob, size, folderSyncs);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      const committed = await statIfPresent(blob);
      if (committed?.size !== BigInt(size)) throw new UploadUnknown(key, { cause: error });
      // The first attempt may have died between its rename and its folder sync.
      await Promise.all([folderSyncs.sync(dirname(blob)), folderSyncs.sync(dirname(upload))]);
    }
  }

  return {
    async begin(chosen) {
      const key = chosen ?? newStorageKey();
      const flags = chosen === undefined ? 'wx' : 'w';
      await spaceErrorsNamed(async () => {
        await using _created = await open(uploadPath(layout, key), flags, 0o600);
      });
      return key;
    },

    async append(key, offset, source) {
      return await alone(key, () => append(key, offset, source));
    },

    async uploadSize(key) {
      const found = await statIfPresent(uploadPath(layout, key));
      return found && Number(found.size);
    },

    async digest(key, algorithm, size) {
      const path = uploadPath(layout, key);
      const found = await statIfPresent(path);
      if (found === undefined) throw new UploadUnknown(key);
      if (found.size < size) {
        throw new RangeError(`Upload ${key} holds ${found.size} bytes, not ${size}`);
      }
      const running =
        algorithm === 'sha256' && found.size === BigInt(size) && hashes.find(key, found);
      // A thread that failed took its hashes with it, but not the file.
      const known = running ? await running.digest().catch(() => undefined) : undefined;
      return `${algorithm}:${known ?? (await threads.digestFile(path, algorithm, size))}`;
    },

    async commit(key, size) {
      await alone(key, () => commit(key, size));
    },

    async abort(key) {
      hashes.forget(key);
      await unlinkIfPresent(uploadPath(layout, key));
    },

    async size(key) {
      const found = await statIfPresent(blobPath(layout, key));
      return found && Number(found.size);
    },

    async rehash(key, algorithm) {
      const path = blobPath(layout, key);
      const found = await statIfPresent(path);
      if (found === undefined) throw new BlobLost(key);
      const size = Number(found.size);
      try {
        return { size, digest: `${algorithm}:${await threads.digestFile(path, algorithm, size)}` };
      } catch (error) {
        const goneMeanwhile = (await statIfPresent(path)) === undefined;
        throw goneMeanwhile ? new BlobLost(key, { cause: error }) : error;
      }
    },

    async send(key, range, destination) {
      await using file = await openBlob(blobPath(layout, key), key);
      await sendFile(key, file, range, destination, memory);
    },

    async read(key) {
      const file = await openBlob(blobPath(layout, key), key);
      return file.createReadStream({ highWaterMark: READ_STREAM_BYTES });
    },

    async delete(key) {
      await unlinkIfPresent(blobPath(layout, key));
    },

    async *list() {
      for (const shard of layout.shards) {
        for await (const { key, size, ctimeNs } of filesOf(shard)) {
          yield { key, size: Number(size), modifiedAt: toMilliseconds(ctimeNs) };
        }
      }
    },

    async *listUploads() {
      for await (const { key, ctimeNs } of filesOf(layout.uploads)) {
        yield { key, modifiedAt: toMilliseconds(ctimeNs) };
      }
    },

    health: () => examineFolder(layout.uploads),

    async close() {
      await threads.close();
    },
  };
}

async function openUpload(path: string, key: StorageKey) {
  try {
    return await open(path, 'r+');
  } catch (error) {
    throw systemErrorCode(error) === 'ENOENT' ? new UploadUnknown(key, { cause: error }) : error;
  }
}

async function openBlob(path: string, key: StorageKey) {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw systemErrorCode(error) === 'ENOENT' ? new BlobLost(key, { cause: error }) : error;
  }
}

async function* filesOf(folder: string) {
  for await (const { name } of await opendir(folder)) {
    if (!isStorageKey(name)) continue;
    const found = await statIfPresent(join(folder, name));
    if (found !== undefined) yield { key: name, size: found.size, ctimeNs: found.ctimeNs };
  }
}

function toMilliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n);
}

/** A `Readable` is otherwise destroyed, and with it the connection that must carry the refusal. */
function leftOpen(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return source instanceof Readable ? source.iterator({ destroyOnReturn: false }) : source;
}

async function spaceErrorsNamed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isSpaceError(error) ? new OutOfSpace({ cause: error }) : error;
  }
}
