import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Durability } from '../database.ts';
import { openConnection, type SqliteConnection } from './connection.ts';

/**
 * ```
 * FOLDER/berth.sqlite       durable tables
 * FOLDER/transient.sqlite   transient tables
 * ```
 */
export function databaseFile(folder: string, kind: Durability): string {
  return join(folder, kind === 'durable' ? 'berth.sqlite' : 'transient.sqlite');
}

/** Makes `folder` where it is absent, so that a power loss keeps its name. */
export function makeFolder(folder: string): void {
  const firstMade = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (firstMade === undefined) return;
  const end = dirname(resolve(firstMade));
  for (let made = resolve(folder); made !== end; made = dirname(made)) syncFolder(dirname(made));
}

/** Makes both files where they are absent, so that a power loss keeps their names. */
export function makeFiles(folder: string): void {
  for (const kind of ['durable', 'transient'] as const) {
    // They hold hashes of passwords. What SQLite puts beside them takes their permissions over.
    closeSync(openSync(databaseFile(folder, kind), 'a', 0o600));
  }
  syncFolder(folder);
}

/** A savepoint of some size would write to the system's temporary folder, which may be read-only. */
const inMemory = 'temp_store = memory';

/** A connection that writes the tables of one kind. */
export function openForWriting(folder: string, kind: Durability): SqliteConnection {
  return openConnection(databaseFile(folder, kind), [
    'journal_mode = wal',
    inMemory,
    `synchronous = ${kind === 'durable' ? 'full' : 'normal'}`,
    `journal_size_limit = ${64 * 1024 * 1024}`,
  ]);
}

/** A connection that reads all tables. */
export function openForReading(folder: string): SqliteConnection {
  const transient = databaseFile(folder, 'transient').replaceAll("'", "''");
  const connection = openConnection(databaseFile(folder, 'durable'), [
    'synchronous = full',
    inMemory,
    `cache_size = -${32 * 1024}`,
  ]);
  connection.run(`attach '${transient}' as transient`);
  connection.run('pragma query_only = on');
  return connection;
}

export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
