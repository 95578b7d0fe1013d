import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { databaseSuite } from '../testing/database-suite.ts';
import { openPostgresDatabase } from './postgres-database.ts';

describe('PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  databaseSuite('PostgreSQL', async () => {
    const url = await postgres.createDatabase();
    return {
      open: () =>
        openPostgresDatabase({
          url,
          writes: new URL('../testing/suite-writes.ts', import.meta.url),
        }),
      remove: async () => {},
    };
  });
});
