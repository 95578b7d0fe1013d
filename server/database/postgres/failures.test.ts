import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { Refusal } from '#lib/errors.ts';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import type { Database } from '../database.ts';
import { rejection, secret, secretNames } from '../testing/places.ts';
import {
  askAtOnce,
  catchError,
  durableCommit,
  failWith,
  lockInOrder,
  loseConnection,
  transientCommit,
} from '../testing/postgres-writes.ts';
import { addSecret } from '../testing/suite-writes.ts';
import { openPostgresDatabase } from './postgres-database.ts';

const writes = new URL('../testing/postgres-writes.ts', import.meta.url);

describe('PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  const opened = (run: (database: Database, url: string) => Promise<void>) => async () => {
    const url = await postgres.createDatabase();
    const database = await openPostgresDatabase({ url, writes });
    try {
      await run(database, url);
    } finally {
      await database.close();
    }
  };

  test(
    'syncs durable writes and not transient ones, even where its default is not to',
    opened(async (database, url) => {
      assert.equal(await database.write(durableCommit, undefined), 'on');
      assert.equal(await database.write(transientCommit, undefined), 'off');
      assert.equal(await database.write(durableCommit, undefined), 'on');
      await ask(url, `alter database ${nameOf(url)} set synchronous_commit = off`);
      const again = await openPostgresDatabase({ url, writes });
      try {
        assert.equal(await again.write(durableCommit, undefined), 'on');
      } finally {
        await again.close();
      }
    }),
  );

  test(
    'tells a full disk from other failures, and keeps nothing of the write',
    opened(async (database) => {
      const full = await rejection(database.write(failWith, { name: 'a', code: '53100' }));
      assert(full instanceof Refusal);
      assert.equal(full.kind, 'no-space');
      const shutdown = await rejection(database.write(failWith, { name: 'a', code: '57P01' }));
      assert(shutdown instanceof Refusal);
      assert.equal(shutdown.kind, 'unavailable');
      const other = await rejection(database.write(failWith, { name: 'a', code: 'P0001' }));
      assert(!(other instanceof Refusal));
      assert.deepEqual(await secretNames(database), []);
    }),
  );

  test(
    'gives up on a write that collides for ever, and says so',
    opened(async (database) => {
      const refusal = await rejection(database.write(failWith, { name: 'a', code: '40001' }));
      assert(refusal instanceof Refusal);
      assert.equal(refusal.kind, 'unavailable');
      assert.match(refusal.message, /too busy/);
    }),
  );

  test(
    'runs a write again that met another in a deadlock',
    opened(async (database) => {
      await database.write(addSecret, secret('a'));
      await database.write(addSecret, secret('b'));
      let arrived = 0;
      const both = Promise.withResolvers<void>();
      const met = async () => {
        if (++arrived === 2) both.resolve();
        await both.promise;
      };
      const changed = await Promise.all([
        database.write(lockInOrder, { order: ['a', 'b'], met }),
        database.write(lockInOrder, { order: ['b', 'a'], met }),
      ]);
      assert.deepEqual(changed, [2, 2]);
      assert.equal(arrived, 3);
    }),
  );

  test(
    'refuses a write whose connection is lost, and serves the next one',
    opened(async (database) => {
      const refusal = await rejection(database.write(loseConnection, { name: 'lost' }));
      assert(refusal instanceof Refusal);
      assert.equal(refusal.kind, 'unavailable');
      await database.write(addSecret, secret('kept'));
      assert.deepEqual(await secretNames(database), ['kept']);
    }),
  );

  test(
    'replaces connections that break while nobody uses them',
    opened(async (database, url) => {
      const count = database.prepare<[], { count: number }>((read) =>
        read.selectFrom('secrets').select((eb) => eb.fn.countAll<number>().as('count')),
      );
      await Promise.all(Array.from({ length: 8 }, () => count()));
      await ask(
        url,
        'select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      );
      const settled = await Promise.allSettled(Array.from({ length: 8 }, () => count()));
      for (const result of settled) {
        if (result.status === 'rejected') assert(result.reason instanceof Refusal);
      }
      assert.deepEqual(await count(), { count: 0 });
    }),
  );

  test(
    'does not take a write for kept that caught the error of a statement',
    opened(async (database) => {
      await assert.rejects(database.write(catchError, { name: 'a' }), /nothing of it was kept/);
      assert.deepEqual(await secretNames(database), []);
    }),
  );

  test(
    'answers statements that a write asks for at once, and warns of nothing',
    opened(async (database) => {
      const warnings: Error[] = [];
      const keep = (warning: Error) => warnings.push(warning);
      process.on('warning', keep);
      assert.deepEqual(await database.write(askAtOnce, undefined), [1, 2, 3]);
      process.removeListener('warning', keep);
      assert.deepEqual(warnings, []);
    }),
  );

  test('that cannot be reached keeps the database from opening, with what to check', async () => {
    const absent = postgres.url.replace('/postgres?', '/absent?');
    const nowhere = 'postgres://berth:secret-password@127.0.0.1:1/berth';
    for (const url of [absent, nowhere]) {
      const refusal = await rejection(openPostgresDatabase({ url, writes }));
      assert(refusal instanceof Refusal);
      assert.equal(refusal.kind, 'unavailable');
      assert.match(refusal.message, /BERTH_DATABASE_URL/);
      assert.doesNotMatch(refusal.message, /secret-password/);
    }
  });

  test('whose user may not make tables keeps the database from opening, with the cure', async () => {
    const url = await postgres.createDatabase();
    await ask(url, 'create role limited login');
    const limited = url.replace('berth@', 'limited@');
    const refusal = await rejection(openPostgresDatabase({ url: limited, writes }));
    assert(refusal instanceof Refusal);
    assert.match(refusal.message, /alter database NAME owner to USER/);
    await ask(url, `alter database ${nameOf(url)} owner to limited`);
    const database = await openPostgresDatabase({ url: limited, writes });
    await database.close();
  });

  test('that does not keep UTF-8 keeps the database from opening', async () => {
    const url = await postgres.createDatabase();
    await ask(
      url,
      `create database ascii encoding SQL_ASCII locale_provider libc locale 'C' template template0`,
    );
    const refusal = await rejection(
      openPostgresDatabase({ url: url.replace(nameOf(url), 'ascii'), writes }),
    );
    assert(refusal instanceof Refusal);
    assert.match(refusal.message, /SQL_ASCII/);
  });
});

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

async function ask(url: string, text: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
