import { type FileHandle, open } from 'node:fs/promises';
import { forEachAtOnce } from '#lib/at-once.ts';
import { systemErrorCode } from '#lib/errors.ts';
import { algorithmOf, isDigest } from '#oci/digest.ts';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Reader } from '#server/database/database.ts';
import { blobFile } from '../backup/folder.ts';
import { type BlobToCopy, blobsBehind } from '../backup/queries.ts';

const pageRows = 1000;
/** Syncs of small files wait for the disk, and many wait for it together. */
const blobsAtOnce = 16;
const readBytes = 256 * 1024;

export interface RestoredBlobs {
  readonly count: number;
  readonly bytes: number;
  /** Rows of blobs that the backup does not hold whole, and why, as sentences. */
  readonly lost: readonly { readonly id: number; readonly problem: string }[];
}

/** Brings every blob that `read` names into the store under its key, each checked against its digest. */
export async function restoreBlobs(options: {
  readonly read: Reader;
  readonly store: BlobStore;
  readonly folder: string;
  /** Called for every piece of a blob that was read, and once for every blob. */
  readonly onProgress: (blobs: number, bytes: number) => void;
}): Promise<RestoredBlobs> {
  const { read, store, folder, onProgress } = options;
  const lost: { id: number; problem: string }[] = [];
  let count = 0;
  let bytes = 0;

  async function restore(blob: BlobToCopy): Promise<void> {
    const problem = await bringBack(store, folder, blob, (more) => onProgress(0, more));
    onProgress(1, 0);
    if (problem !== undefined) {
      lost.push({ id: blob.id, problem });
      return;
    }
    count += 1;
    bytes += blob.size;
  }

  for (let last = 0; ; ) {
    const page = await blobsBehind(read, last, pageRows);
    await forEachAtOnce(page, blobsAtOnce, restore);
    const end = page.at(-1);
    if (end === undefined) return { count, bytes, lost };
    last = end.id;
  }
}

/** What is wrong with the backup's copy, if anything is. */
async function bringBack(
  store: BlobStore,
  folder: string,
  { digest, size, storageKey }: BlobToCopy,
  onBytes: (more: number) => void,
): Promise<string | undefined> {
  if (!isDigest(digest)) return `The blob ${digest} has no digest that is one.`;
  // An earlier attempt committed it, after its digest was compared.
  if ((await store.size(storageKey)) === size) return undefined;
  const file = await openIfPresent(blobFile(folder, digest));
  if (file === undefined) return `The backup does not hold the blob ${digest} any more.`;
  await store.begin(storageKey);
  const found = await store.append(
    storageKey,
    0,
    counted(file.createReadStream({ highWaterMark: readBytes }), onBytes),
  );
  if (found === size && (await store.digest(storageKey, algorithmOf(digest), size)) === digest) {
    await store.commit(storageKey, size);
    return undefined;
  }
  await store.abort(storageKey);
  return `The backup's copy of the blob ${digest} is damaged.`;
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onBytes: (more: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    yield chunk;
    onBytes(chunk.length);
  }
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
