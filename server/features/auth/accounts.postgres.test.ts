import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { robotRightsSuite } from '../robots/testing/robot-rights.suite.ts';
import { robotsSuite } from '../robots/testing/robots.suite.ts';
import { accessTokensSuite } from '../users/testing/access-tokens.suite.ts';
import { usersSuite } from '../users/testing/users.suite.ts';
import { authenticationSuite } from './testing/authentication.suite.ts';
import { openPostgres } from './testing/server.suite.ts';
import { tokenEndpointSuite } from './testing/token-endpoint.suite.ts';

describe('PostgreSQL', { skip: skipWithoutPostgres(), concurrency: 4 }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  const open = async () => openPostgres(await postgres.createDatabase());
  tokenEndpointSuite('PostgreSQL', open);
  authenticationSuite('PostgreSQL', open);
  usersSuite('PostgreSQL', open);
  accessTokensSuite('PostgreSQL', open);
  robotsSuite('PostgreSQL', open);
  robotRightsSuite('PostgreSQL', open);
});
