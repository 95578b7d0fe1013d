import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { workersSuite } from './testing/workers.suite.ts';

workersSuite('SQLite', async () => ({}));

describe('with PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  workersSuite('PostgreSQL', async () => ({ BERTH_DATABASE_URL: await postgres.createDatabase() }));
});
