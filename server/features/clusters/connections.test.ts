import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { connectionsSuite } from './testing/connections.suite.ts';

connectionsSuite('SQLite', async () => ({}));

describe('with PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  connectionsSuite('PostgreSQL', async () => ({ databaseUrl: await postgres.createDatabase() }));
});
