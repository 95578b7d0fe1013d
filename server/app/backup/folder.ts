import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '#lib/errors.ts';
import { algorithmOf, type Digest, hexOf } from '#oci/digest.ts';
import { createFolderDurably, syncFolder } from '#server/blobs/filesystem/durable.ts';
import { takeExclusively } from '#server/database/sqlite/exclusive-file.ts';
import { writeFileDurably } from '../durable-file.ts';
import { isGeneration } from './generation.ts';

// FOLDER/
//   berth-backup.json        says what the folder is
//   lock                     held while a backup is made
//   blobs/<algorithm>/<2 hex>/<hex>
//                            the bytes of every blob of every generation, once
//   part/                    blobs that are being copied
//   <time>/                  a generation: backup.json, database.sqlite, secret.key
//   <time>.unfinished/       one that is being made, or that a crash or a removal left

const markName = 'berth-backup.json';
const mark = `${JSON.stringify({ about: 'Backups of a Berth registry, for `berth restore`.' })}\n`;
const lockName = 'lock';
const unfinished = '.unfinished';
const generationName = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(?:-\d+)?$/;

export const digestAlgorithms = ['sha256', 'sha512'] as const;

export function blobFolder(folder: string, algorithm: string, shard: string): string {
  return join(folder, 'blobs', algorithm, shard);
}

export function blobFile(folder: string, digest: Digest): string {
  const hex = hexOf(digest);
  return join(blobFolder(folder, algorithmOf(digest), hex.slice(0, 2)), hex);
}

export function partFolder(folder: string): string {
  return join(folder, 'part');
}

function isBackupFolder(folder: string): boolean {
  return existsSync(join(folder, markName));
}

/**
 * Makes `folder` one of backups where it is none, and keeps every other backup out of it.
 * @returns how to let others in again
 * @throws {Refusal} when it holds something else, or another backup is being made there
 */
export async function openBackupFolder(folder: string): Promise<() => void> {
  await createFolderDurably(folder);
  if (!isBackupFolder(folder)) await refuseOthersFiles(folder);
  const release = takeExclusively(join(folder, lockName));
  if (release === undefined) {
    throw new Refusal(
      'conflict',
      `Another backup is being made in ${folder}: wait for it to end, or stop that process.`,
    );
  }
  try {
    if (!isBackupFolder(folder)) await writeFileDurably(join(folder, markName), mark);
    await removeLeftovers(folder);
    await mkdir(partFolder(folder), { recursive: true, mode: 0o700 });
    return release;
  } catch (error) {
    release();
    throw error;
  }
}

async function refuseOthersFiles(folder: string): Promise<void> {
  const own = [lockName, markName, 'lost+found'];
  const other = (await readdir(folder)).find(
    (name) => !own.some((each) => name === each || name.startsWith(`${each}.`)),
  );
  if (other === undefined) return;
  throw new Refusal(
    'conflict',
    `The folder ${folder} holds other files (${other}): name a new or empty folder for the backups of this registry.`,
  );
}

async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name !== 'part' && !name.endsWith(unfinished)) continue;
    await rm(join(folder, name), { recursive: true });
  }
}

/** Names of the finished generations, the oldest first. */
export async function generationsIn(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder)) {
    if (generationName.test(name) && (await isGeneration(join(folder, name)))) found.push(name);
  }
  return found.sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));
}

/** Makes the folder of a generation that is not finished yet. */
export async function beginGeneration(
  folder: string,
  now: number,
): Promise<{ readonly name: string; readonly path: string }> {
  const time = `${new Date(now).toISOString().slice(0, 19).replaceAll(':', '-')}Z`;
  let name = time;
  for (let count = 2; existsSync(join(folder, name)); count++) name = `${time}-${count}`;
  const path = join(folder, `${name}${unfinished}`);
  await mkdir(path, { mode: 0o700 });
  return { name, path };
}

/** Gives a generation, all of which is synced, its name: from here on it counts. */
export async function finishGeneration(folder: string, name: string): Promise<void> {
  const path = join(folder, `${name}${unfinished}`);
  await syncFolder(path);
  await rename(path, join(folder, name));
  await syncFolder(folder);
}

export async function removeGeneration(folder: string, name: string): Promise<void> {
  const path = join(folder, `${name}${unfinished}`);
  await rename(join(folder, name), path);
  await syncFolder(folder);
  await rm(path, { recursive: true });
}

/**
 * The generation that a restore means: `name`, or the newest of a folder of backups.
 * @throws {Refusal} when there is none
 */
export async function chooseGeneration(
  from: string,
  name: string | undefined,
): Promise<{ readonly path: string; readonly name: string }> {
  if (!isBackupFolder(from)) {
    throw new Refusal(
      'not-found',
      `The folder ${from} holds no backups of Berth: name the folder that berth backup was given.`,
    );
  }
  const names = await generationsIn(from);
  const last = names.at(-1);
  if (last === undefined) {
    throw new Refusal(
      'not-found',
      `No backup in ${from} was finished: make one with berth backup ${from}.`,
    );
  }
  const chosen = name ?? last;
  if (!names.includes(chosen)) {
    throw new Refusal(
      'not-found',
      `There is no backup ${chosen} in ${from}: there are ${names.slice(-20).join(', ')}.`,
    );
  }
  return { path: join(from, chosen), name: chosen };
}
