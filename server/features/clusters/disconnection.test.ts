import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { disconnectionSuite } from './testing/disconnection.suite.ts';

disconnectionSuite('SQLite', async () => ({}));

describe('with PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  disconnectionSuite('PostgreSQL', async () => ({ databaseUrl: await postgres.createDatabase() }));
});
