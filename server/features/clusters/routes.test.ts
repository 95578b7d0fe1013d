import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { clusterRoutesSuite } from './testing/routes.suite.ts';

clusterRoutesSuite('SQLite', async () => ({}));

describe('with PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  clusterRoutesSuite('PostgreSQL', async () => ({ databaseUrl: await postgres.createDatabase() }));
});
