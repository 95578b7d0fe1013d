import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal, systemErrorCode } from '#lib/errors.ts';
import { readDatabaseFile } from '#server/database/sqlite/database-file.ts';
import { blobFolder, digestAlgorithms, generationsIn, removeGeneration } from './folder.ts';
import { databaseOf } from './generation.ts';
import { digestsBetween } from './queries.ts';

const shards = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'));
/** Behind every hexadecimal digit. */
const afterHex = 'g';

/**
 * Removes all but the newest `keep` generations, then the blobs that none of those needs, a shard
 * at a time, so that it takes the same memory whatever there is.
 * @returns the names of the removed generations
 */
export async function prune(folder: string, keep: number): Promise<readonly string[]> {
  const all = await generationsIn(folder);
  const removed = all.slice(0, Math.max(0, all.length - keep));
  for (const name of removed) await removeGeneration(folder, name);
  const kept = all.slice(removed.length);
  for (const algorithm of digestAlgorithms) {
    for (const shard of shards) {
      const path = blobFolder(folder, algorithm, shard);
      const names = await namesIn(path);
      if (names.length === 0) continue;
      const needed = await neededIn(folder, kept, algorithm, shard);
      for (const name of names) {
        if (!needed.has(`${algorithm}:${name}`)) await unlink(join(path, name));
      }
    }
  }
  return removed;
}

async function neededIn(
  folder: string,
  generations: readonly string[],
  algorithm: string,
  shard: string,
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  const first = `${algorithm}:${shard}`;
  for (const name of generations) {
    const path = databaseOf(join(folder, name));
    await readDatabaseFile(path, async (read) => {
      for (const digest of await digestsBetween(read, first, `${first}${afterHex}`)) {
        needed.add(digest);
      }
    }).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Refusal(
        'invalid',
        `The new backup is finished, but blobs of earlier ones cannot be removed, since ${path} cannot be read (${reason}): bring it back from a copy, or remove the folder ${name}.`,
        { cause: error },
      );
    });
  }
  return needed;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
