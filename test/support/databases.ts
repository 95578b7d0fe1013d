import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import type { Database } from '#server/database/database.ts';
import { openPostgresDatabase } from '#server/database/postgres/postgres-database.ts';
import { openSqliteDatabase } from '#server/database/sqlite/sqlite-database.ts';
import { type Postgres, skipWithoutPostgres, startPostgres } from './postgres.ts';

/** Opens an empty database, which `remove` takes away once it is closed. */
export type OpenEmpty = () => Promise<{
  readonly database: Database;
  readonly remove: () => Promise<void>;
}>;

/** Gives the tests of the suite around it an empty database, which goes with them. */
export function withEmptyDatabase(open: OpenEmpty, give: (database: Database) => void): void {
  let opened: Awaited<ReturnType<OpenEmpty>>;
  before(async () => {
    opened = await open();
    give(opened.database);
  });
  after(async () => {
    await opened.database.close();
    await opened.remove();
  });
}

/**
 * Defines the same suite for SQLite and for a real PostgreSQL.
 * @param writes the module that exports the `writes` that the databases may run
 */
export function onBothDatabases(writes: URL, suite: (name: string, open: OpenEmpty) => void): void {
  suite('SQLite', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-database-'));
    const database = await openSqliteDatabase({
      folder,
      writes,
      onFailure: (error) => {
        throw error;
      },
    });
    return { database, remove: () => rm(folder, { recursive: true }) };
  });

  withPostgres((createDatabase) => {
    suite('PostgreSQL', async () => ({
      database: await openPostgresDatabase({ url: await createDatabase(), writes }),
      remove: async () => {},
    }));
  });
}

/** The settings that name the database of a server. */
export type DatabaseSettings = () => Promise<{ readonly databaseUrl?: string }>;

/** Defines the same suites for servers on SQLite and on a real PostgreSQL. */
export function forServersOnBothDatabases(
  suites: (name: string, settingsOf: DatabaseSettings) => void,
): void {
  suites('SQLite', async () => ({}));
  withPostgres((createDatabase) => {
    suites('PostgreSQL', async () => ({ databaseUrl: await createDatabase() }));
  });
}

function withPostgres(define: (createDatabase: () => Promise<string>) => void): void {
  describe('with PostgreSQL', { skip: skipWithoutPostgres() }, () => {
    let postgres: Postgres;
    before(async () => {
      postgres = await startPostgres();
    });
    after(() => postgres.stop());

    define(() => postgres.createDatabase());
  });
}
