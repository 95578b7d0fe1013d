import { mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { systemErrorCode } from '#lib/errors.ts';
import type { FolderSyncs } from './folder-syncs.ts';

/**
 * Makes the first `size` bytes of the file at `from` the file at `to`, safe from power loss. The
 * order bears the promise: a name under `to` must never be seen with bytes that could still be
 * lost, so the data is synced before the rename; and the rename is lost unless the folders that
 * it changed are synced after it.
 */
export async function moveDurably(
  from: string,
  to: string,
  size: number,
  folders: FolderSyncs,
): Promise<void> {
  await syncData(from, size);
  await rename(from, to);
  await Promise.all([folders.sync(dirname(to)), folders.sync(dirname(from))]);
}

async function syncData(path: string, size: number): Promise<void> {
  await using file = await open(path, 'r+');
  const { size: present } = await file.stat();
  if (present < size) throw new RangeError(`The upload holds ${present} bytes, not ${size}`);
  if (present > size) await file.truncate(size);
  try {
    await file.datasync();
  } catch (error) {
    // The kernel reports a failed write-back once and may call the pages clean (fsync(2)): a
    // second attempt would succeed without the bytes. So there must be none.
    await unlink(path);
    throw error;
  }
}

/** Creates a folder that only this user can enter, with its parents, safe from power loss. */
export async function createFolderDurably(folder: string): Promise<void> {
  const missing: string[] = [];
  let present = resolve(folder);
  while ((await statIfPresent(present)) === undefined) {
    missing.unshift(present);
    present = dirname(present);
  }
  // An earlier process may have created it and died before it synced the parent.
  await syncFolder(dirname(present));
  for (const each of missing) {
    await mkdir(each, { recursive: true, mode: 0o700 });
    await syncFolder(dirname(each));
  }
}

export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

/** Whether a file operation failed because the disk, or the user's quota of it, is full. */
export function isSpaceError(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Size and time of a file; undefined when there is none. */
export async function statIfPresent(path: string) {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function unlinkIfPresent(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
