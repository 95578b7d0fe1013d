import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Reader, Transaction } from '../database.ts';
import { readerOver, transactionOver } from '../handles.ts';
import { migrate } from '../migrations/migrate.ts';
import { openConnection } from './connection.ts';
import { syncFolder } from './files.ts';

/**
 * Makes a SQLite database of the durable tables at `path`, at a schema version. It gets its name
 * when it is whole and synced: until then there is only `PATH.part`, which the next attempt replaces.
 */
export async function createDatabaseFile<Result>(
  path: string,
  version: number,
  fill: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  const part = `${path}.part`;
  rmSync(part, { force: true });
  closeSync(openSync(part, 'wx', 0o600));
  const result = await withTransaction(part, async (transaction) => {
    await migrate({ dialect: 'sqlite', holds: ['durable'], transaction }, version);
    return fill(transaction);
  });
  syncFile(part);
  renameSync(part, path);
  syncFolder(dirname(path));
  return result;
}

/** Changes a database file that nothing else uses yet; a crash may leave it broken. */
export async function changeDatabaseFile(
  path: string,
  change: (transaction: Transaction) => Promise<void>,
): Promise<void> {
  await withTransaction(path, change);
  syncFile(path);
}

/** What a crash leaves of the file is never used, so it needs no journal. */
async function withTransaction<Result>(
  path: string,
  run: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  const connection = openConnection(path, [
    'journal_mode = off',
    'synchronous = off',
    // Rows come in an order that keeps them anyway.
    'foreign_keys = off',
  ]);
  const { transaction, end } = transactionOver('sqlite', connection.lend, 'Filling a database');
  try {
    connection.run('begin immediate');
    const result = await run(transaction);
    connection.run('commit');
    return result;
  } finally {
    end();
    connection.close();
  }
}

/** Reads a database file that nobody writes. Migrates nothing. */
export async function readDatabaseFile<Result>(
  path: string,
  use: (read: Reader) => Promise<Result>,
): Promise<Result> {
  const connection = openConnection(path, ['query_only = on']);
  try {
    return await use(readerOver('sqlite', connection.lend));
  } finally {
    connection.close();
  }
}

function syncFile(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
