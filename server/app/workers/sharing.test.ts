import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { sharingSuite } from './testing/sharing.suite.ts';

sharingSuite('SQLite', async () => ({}));

describe('with PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  sharingSuite('PostgreSQL', async () => ({
    BERTH_DATABASE_URL: await postgres.createDatabase(),
  }));
});
