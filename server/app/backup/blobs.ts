import { createHash } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { forEachAtOnce } from '#lib/at-once.ts';
import { algorithmOf, type Digest, hexOf, isDigest } from '#oci/digest.ts';
import { BlobLost, type BlobStore } from '#server/blobs/blob-store.ts';
import { statIfPresent, syncFolder, unlinkIfPresent } from '#server/blobs/filesystem/durable.ts';
import type { Reader } from '#server/database/database.ts';
import { blobFile, digestAlgorithms, partFolder } from './folder.ts';
import { hashOf } from './generation.ts';
import { type BlobToCopy, blobsBehind } from './queries.ts';

const pageRows = 1000;
/** Syncs of small files wait for the disk, and many wait for it together. */
const blobsAtOnce = 16;

export interface CopiedBlobs {
  readonly count: number;
  readonly bytes: number;
  /** How many of them stand in for copies that had been damaged. */
  readonly replaced: number;
  /** Rows of blobs that could not be copied, and why, as sentences. */
  readonly lost: readonly { readonly id: number; readonly problem: string }[];
}

/**
 * Copies the blobs that `read` names and the backups do not hold yet, each checked against its
 * digest. All is on stable storage when this resolves.
 */
export async function copyBlobs(options: {
  readonly read: Reader;
  readonly store: BlobStore;
  readonly folder: string;
  /** Whether to compare the copies that are there with their digests, too. */
  readonly rehash: boolean;
  /** Aborted when the blobs may be deleted while they are copied. */
  readonly stopped: AbortSignal;
  /** Called for every piece of a blob that was copied, and once for every blob. */
  readonly onProgress: (blobs: number, bytes: number) => void;
}): Promise<CopiedBlobs> {
  const { read, store, folder, rehash, stopped, onProgress } = options;
  const changed = new Set<string>();
  const made = new Set<string>();
  const lost: { id: number; problem: string }[] = [];
  let count = 0;
  let bytes = 0;
  let replaced = 0;
  let parts = 0;

  async function copy(blob: BlobToCopy): Promise<void> {
    const { id, digest, size } = blob;
    stopped.throwIfAborted();
    if (!isDigest(digest)) {
      lost.push({ id, problem: `The blob ${digest} has no digest that is one.` });
      return;
    }
    const path = blobFile(folder, digest);
    const present = await statIfPresent(path);
    if (present?.size === BigInt(size) && !(rehash && (await isDamaged(path, digest)))) {
      onProgress(1, rehash ? size : 0);
      return;
    }
    const part = join(partFolder(folder), String(++parts));
    const problem = await copyFile(store, blob, digest, part, (more) => onProgress(0, more));
    if (problem !== undefined) {
      await unlinkIfPresent(part);
      lost.push({ id, problem });
      return;
    }
    const shard = dirname(path);
    if (!made.has(shard)) await mkdir(shard, { recursive: true, mode: 0o700 });
    made.add(shard);
    await rename(part, path);
    changed.add(shard);
    count += 1;
    bytes += size;
    if (present !== undefined) replaced += 1;
    onProgress(1, 0);
  }

  for (let last = 0; ; ) {
    const page = await blobsBehind(read, last, pageRows);
    await forEachAtOnce(page, blobsAtOnce, copy);
    const end = page.at(-1);
    if (end === undefined) break;
    last = end.id;
  }
  // Names before a generation that counts on them: of the blobs, of their folders, and above.
  for (const shard of changed) await syncFolder(shard);
  const blobs = join(folder, 'blobs');
  if (changed.size > 0) {
    for (const algorithm of digestAlgorithms) {
      if ((await statIfPresent(join(blobs, algorithm))) === undefined) continue;
      await syncFolder(join(blobs, algorithm));
    }
    await syncFolder(blobs);
    await syncFolder(folder);
  }
  return { count, bytes, replaced, lost };
}

async function isDamaged(path: string, digest: Digest): Promise<boolean> {
  return (await hashOf(path, algorithmOf(digest))) !== hexOf(digest);
}

/** What is wrong with the blob, if anything is. */
async function copyFile(
  store: BlobStore,
  { storageKey, size }: BlobToCopy,
  digest: Digest,
  to: string,
  onBytes: (more: number) => void,
): Promise<string | undefined> {
  const hash = createHash(algorithmOf(digest));
  await using file = await open(to, 'w', 0o600);
  let copied = 0;
  try {
    for await (const chunk of await store.read(storageKey)) {
      hash.update(chunk);
      await writeAll(file, chunk);
      copied += chunk.length;
      onBytes(chunk.length);
    }
  } catch (error) {
    if (error instanceof BlobLost) return `The blob ${digest} is missing.`;
    throw error;
  }
  if (copied !== size || `${algorithmOf(digest)}:${hash.digest('hex')}` !== digest) {
    return `The blob ${digest} is damaged.`;
  }
  await file.datasync();
  return undefined;
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, bytes: Uint8Array): Promise<void> {
  for (let start = 0; start < bytes.length; ) {
    start += (await file.write(bytes, start)).bytesWritten;
  }
}
