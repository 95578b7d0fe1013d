import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { openPostgresDatabase } from '#server/database/postgres/postgres-database.ts';
import { openSqliteDatabase } from '#server/database/sqlite/sqlite-database.ts';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { holdsSuite } from './testing/holds.suite.ts';

const writes = new URL('./testing/hold-writes.ts', import.meta.url);

holdsSuite('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-holds-'));
  const database = await openSqliteDatabase({
    folder,
    writes,
    onFailure: (error) => {
      throw error;
    },
  });
  return { database, remove: () => rm(folder, { recursive: true }) };
});

describe('with PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  holdsSuite('PostgreSQL', async () => ({
    database: await openPostgresDatabase({ url: await postgres.createDatabase(), writes }),
    remove: async () => {},
  }));
});
