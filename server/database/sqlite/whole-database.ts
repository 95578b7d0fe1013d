import { existsSync } from 'node:fs';
import { sql } from 'kysely';
import type { Transaction } from '../database.ts';
import { versionOf } from '../migrations/migrate.ts';
import { createDatabaseFile, readDatabaseFile } from './database-file.ts';
import { refuseNetworkFileSystem } from './file-system.ts';
import { databaseFile, makeFolder } from './files.ts';

/** The schema version of the database in `folder`; undefined when none is there. Changes nothing. */
export async function sqliteSchemaVersion(folder: string): Promise<number | undefined> {
  const path = databaseFile(folder, 'durable');
  if (!existsSync(path)) return undefined;
  return readDatabaseFile(path, async (read) => {
    const { rows } = await sql`
      select 1 from sqlite_schema where name = 'schema_migrations'`.execute(read);
    return rows.length === 0 ? undefined : versionOf(read);
  });
}

/** Makes the database in `folder`, which holds none, in one step that is done or not. */
export async function fillSqliteDatabase<Result>(
  folder: string,
  version: number,
  fill: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  makeFolder(folder);
  await refuseNetworkFileSystem(folder);
  return createDatabaseFile(databaseFile(folder, 'durable'), version, fill);
}
