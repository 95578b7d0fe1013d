import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { startServer } from '#test/server.ts';
import { workloadsSuite } from './testing/workloads.suite.ts';

workloadsSuite('SQLite', startServer);

describe('with PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  workloadsSuite('PostgreSQL', async () =>
    startServer({ databaseUrl: await postgres.createDatabase() }),
  );
});
