import { statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreHealth } from '../blob-store.ts';
import { isSpaceError, unlinkIfPresent } from './durable.ts';

const trial = new Uint8Array(4096);

/** Writes a block into `folder` and removes it again. */
export async function examineFolder(folder: string): Promise<StoreHealth> {
  const path = join(folder, 'writable');
  const { bavail, blocks, bsize } = await statfs(folder);
  const space = { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  try {
    await writeFile(path, trial, { mode: 0o600 });
    return { writable: true, space };
  } catch (error) {
    if (isSpaceError(error)) return { writable: false, space };
    throw error;
  } finally {
    await unlinkIfPresent(path);
  }
}
