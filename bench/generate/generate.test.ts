import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { generatorSuite } from './generate.suite.ts';

describe('on SQLite', () => generatorSuite(async () => undefined));

describe('on PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());
  generatorSuite(() => postgres.createDatabase());
});
