import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sql } from 'kysely';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '../database.ts';
import { type Opened, secret } from './places.ts';
import { addSecret } from './suite-writes.ts';

/** What snapshots and prepared queries promise, for every implementation. */
export function readsSuite(name: string, opened: Opened): void {
  describe(`a snapshot of ${name}`, () => {
    test(
      'stays as it was whatever is written meanwhile, and cannot be used afterwards',
      opened(async (database) => {
        await database.write(addSecret, { name: 'before', sealed: new Uint8Array(1) });
        const namesIn = async (read: Database['read']) => {
          const rows = await read.selectFrom('secrets').select('name').execute();
          return rows.map((row) => row.name);
        };
        const reader = await database.snapshot(async (read) => {
          await database.write(addSecret, { name: 'meanwhile', sealed: new Uint8Array(1) });
          assert.deepEqual(await namesIn(read), ['before']);
          assert.deepEqual(await namesIn(database.read), ['before', 'meanwhile']);
          return read;
        });
        await assert.rejects(namesIn(reader), /after the transaction had ended/);
        assert.deepEqual(await database.snapshot(namesIn), ['before', 'meanwhile']);
      }),
    );

    test(
      'that fails passes its error on, and the next one works',
      opened(async (database) => {
        const failing = database.snapshot(async () => {
          throw new Refusal('conflict', 'not now');
        });
        await assert.rejects(failing, Refusal);
        assert.equal(await database.snapshot(async () => 'done'), 'done');
      }),
    );
  });

  describe(`prepared queries of ${name}`, () => {
    test(
      'answer the first row, or undefined, whatever the order of their arguments',
      opened(async (database) => {
        const find = database.prepare<[number, string], { name: string; one: number }>(
          (read, placeholder) =>
            read
              .selectFrom('secrets')
              .select(['name', sql<number>`1`.as('one')])
              .where('name', '=', placeholder<string>(1))
              .where('created_at', '<=', placeholder<number>(0))
              .where('name', '!=', 'never'),
        );
        assert.equal(await find(1, 'a'), undefined);
        await database.write(addSecret, secret('a'));
        assert.deepEqual(await find(1, 'a'), { name: 'a', one: 1 });
        assert.equal(await find(0, 'a'), undefined);
        assert.equal(await find(1, 'b'), undefined);
      }),
    );

    test(
      'see every write that was acknowledged before',
      opened(async (database) => {
        const count = database.prepare<[], { count: number }>((read) =>
          read.selectFrom('secrets').select((eb) => eb.fn.countAll<number>().as('count')),
        );
        for (let expected = 0; expected < 20; expected++) {
          assert.deepEqual(await count(), { count: expected });
          await database.write(addSecret, secret(`secret-${expected}`));
        }
      }),
    );
  });
}
