import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { openPostgresDatabase } from '#server/database/postgres/postgres-database.ts';
import { openSqliteDatabase } from '#server/database/sqlite/sqlite-database.ts';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { expiryAnnouncementsSuite } from './testing/expiry-announcements.suite.ts';

const writes = new URL('../../app/writes.ts', import.meta.url);

expiryAnnouncementsSuite('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-expiry-'));
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

  expiryAnnouncementsSuite('PostgreSQL', async () => ({
    database: await openPostgresDatabase({ url: await postgres.createDatabase(), writes }),
    remove: async () => {},
  }));
});
