import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '../database.ts';
import { rejection, secret, secretNames } from '../testing/places.ts';
import {
  addUploadAndSecret,
  answerFunction,
  endThread,
  endTransaction,
  limitPages,
  waitForTimer,
} from '../testing/sqlite-writes.ts';
import { addSecret } from '../testing/suite-writes.ts';
import { openSqliteDatabase } from './sqlite-database.ts';

const writes = new URL('../testing/sqlite-writes.ts', import.meta.url);

describe('the thread that writes SQLite', () => {
  test(
    'refuses a write that waits for a timer, and goes on with those beside it',
    opened(async (database) => {
      const [first, waited, last] = await Promise.allSettled([
        database.write(addSecret, secret('first')),
        database.write(waitForTimer, { name: 'waited' }),
        database.write(addSecret, secret('last')),
      ]);
      assert.equal(first.status, 'fulfilled');
      assert.equal(last.status, 'fulfilled');
      assert(waited.status === 'rejected');
      assert.match(String(waited.reason), /sqlite-suite\.wait-for-timer waits for something other/);
      // Its timer has fired by the time that as many commits have been synced.
      for (let count = 0; count < 20; count++) {
        await database.write(addSecret, secret(`later-${count}`));
      }
      const names = await secretNames(database);
      assert.deepEqual(
        names.filter((name) => name.startsWith('waited')),
        [],
      );
      assert.equal(names.length, 22);
    }),
  );

  test(
    'refuses what a full disk cannot hold, keeps what it held, and recovers by itself',
    opened(async (database) => {
      await database.write(addSecret, secret('before'));
      await database.write(limitPages, { pages: 100 });
      const refusal = await rejection(
        database.write(addSecret, { name: 'large', sealed: new Uint8Array(1024 * 1024) }),
      );
      assert(refusal instanceof Refusal);
      assert.equal(refusal.kind, 'no-space');
      assert.deepEqual(await secretNames(database), ['before']);

      await database.write(limitPages, { pages: 2 ** 30 });
      await database.write(addSecret, { name: 'large', sealed: new Uint8Array(1024 * 1024) });
      assert.deepEqual(await secretNames(database), ['before', 'large']);
    }),
  );

  test(
    'acknowledges nothing that a lost transaction took along',
    opened(async (database) => {
      const results = await Promise.allSettled([
        database.write(addSecret, secret('before')),
        database.write(endTransaction, { name: 'ended' }),
        database.write(addSecret, secret('after')),
      ]);
      const acknowledged = ['before', 'ended', 'after'].filter(
        (_, index) => results[index]?.status === 'fulfilled',
      );
      assert.deepEqual(await secretNames(database), acknowledged.toSorted());
      assert.equal(acknowledged.includes('ended'), false);
      assert.equal(acknowledged.includes('after'), true);
    }),
  );

  test(
    'keeps transient writes away from durable tables',
    opened(async (database) => {
      await assert.rejects(
        database.write(addUploadAndSecret, { name: 'both' }),
        /no such table: secrets/,
      );
      const uploads = await database.read.selectFrom('uploads').selectAll().execute();
      assert.deepEqual(uploads, []);
    }),
  );

  test(
    'names a write whose answer or question cannot leave a thread, and goes on',
    opened(async (database) => {
      const [answer, beside] = await Promise.allSettled([
        database.write(answerFunction, undefined),
        database.write(addSecret, secret('beside')),
      ]);
      assert(answer.status === 'rejected');
      assert.match(String(answer.reason), /could not be cloned/);
      assert.equal(beside.status, 'fulfilled');
      const impossible = { ...secret('impossible'), extra: () => {} };
      await assert.rejects(database.write(addSecret, impossible), /could not be cloned/);
      assert.deepEqual(await secretNames(database), ['beside']);
    }),
  );

  test('reports its end, and refuses what it had not acknowledged and all that follows', async () => {
    const failures: Error[] = [];
    await opened(
      async (database) => {
        const results = await Promise.allSettled([
          database.write(endThread, undefined),
          database.write(addSecret, secret('beside')),
        ]);
        for (const result of results) {
          assert(result.status === 'rejected');
          assert(result.reason instanceof Refusal);
          assert.equal(result.reason.kind, 'unavailable');
          assert.match(result.reason.message, /exited with code 3/);
        }
        assert.equal(failures.length, 1);
        await assert.rejects(database.write(addSecret, secret('later')), Refusal);
        assert.deepEqual(await secretNames(database), []);
      },
      (error) => failures.push(error),
    )();
    assert.equal(failures.length, 1);
  });

  test('finishes what was asked for before it closes, and takes no more', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-sqlite-'));
    try {
      const onFailure = (error: Error) => assert.fail(error);
      const database = await openSqliteDatabase({ folder, writes, onFailure });
      const asked = ['a', 'b', 'c'].map((name) => database.write(addSecret, secret(name)));
      const closing = database.close();
      await assert.rejects(database.write(addSecret, secret('late')), Refusal);
      assert.deepEqual(await Promise.all(asked), ['a', 'b', 'c']);
      await closing;
      const again = await openSqliteDatabase({ folder, writes, onFailure });
      assert.deepEqual(await secretNames(again), ['a', 'b', 'c']);
      await again.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('that cannot load its writes keeps the database from opening', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-sqlite-'));
    try {
      const nowhere = new URL('./writer.ts', import.meta.url);
      await assert.rejects(
        openSqliteDatabase({ folder, writes: nowhere, onFailure: () => {} }),
        /does not export `writes`/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test(
  'the reader of SQLite cannot write',
  opened(async (database) => {
    await assert.rejects(
      database.read.insertInto('generations').values({ name: 'grants', value: 2 }).execute(),
      /readonly/,
    );
  }),
);

function opened(
  run: (database: Database) => Promise<void>,
  onFailure: (error: Error) => void = (error) => assert.fail(error),
): () => Promise<void> {
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-sqlite-'));
    try {
      const database = await openSqliteDatabase({ folder, writes, onFailure });
      try {
        await run(database);
      } finally {
        await database.close();
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  };
}
