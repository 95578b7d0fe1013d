import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { memberRoutesSuite } from './testing/member-routes.suite.ts';
import { projectRoutesSuite } from './testing/project-routes.suite.ts';
import { repositoryRoutesSuite } from './testing/repository-routes.suite.ts';
import { startOnPostgres } from './testing/server.ts';

describe('projects', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  const start = async () => startOnPostgres(await postgres.createDatabase());
  projectRoutesSuite('PostgreSQL', start);
  memberRoutesSuite('PostgreSQL', start);
  repositoryRoutesSuite('PostgreSQL', start);
});
