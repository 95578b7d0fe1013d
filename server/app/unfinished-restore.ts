import { existsSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '#lib/errors.ts';
import { syncFolder } from '#server/blobs/filesystem/durable.ts';
import { writeFileDurably } from './durable-file.ts';

/** Stands in a data folder from the first to the last write of a restore into it. */
function markOf(dataFolder: string): string {
  return join(dataFolder, 'restore.unfinished');
}

export function isRestoreUnfinished(dataFolder: string): boolean {
  return existsSync(markOf(dataFolder));
}

/** @throws {Refusal} when a restore into the folder has not come to its end */
export function refuseUnfinishedRestore(dataFolder: string): void {
  if (!isRestoreUnfinished(dataFolder)) return;
  throw new Refusal(
    'unavailable',
    `A restore into ${dataFolder} was not finished: run the same berth restore again, which goes on where it stopped, or remove the folder.`,
  );
}

/** @param from of which backup, for people who look into the file */
export function beginRestore(dataFolder: string, from: string): Promise<void> {
  return writeFileDurably(markOf(dataFolder), `${from}\n`);
}

export async function endRestore(dataFolder: string): Promise<void> {
  await unlink(markOf(dataFolder));
  await syncFolder(dataFolder);
}
