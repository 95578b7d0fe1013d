import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../database.ts';
import type { Opened } from './places.ts';
import { addSecret, countUp } from './suite-writes.ts';

/**
 * What remembered queries promise, for every implementation. Refreshes of one turn of the event loop
 * may share an answer, because no request arrives in the turn in which another process wrote.
 */
export function rememberedSuite(name: string, opened: Opened): void {
  const counterOf = (database: Database) => {
    const select = database.prepareRemembered<[string], { value: number }>((read, argument) =>
      read.selectFrom('generations').select('value').where('name', '=', argument<'grants'>(0)),
    );
    return async () => (await select('grants'))?.value;
  };
  const withAnother = (run: (one: Database, another: Database) => Promise<void>) =>
    opened(async (database, place) => {
      const another = await place.open();
      try {
        await run(database, another);
      } finally {
        await another.close();
      }
    });

  describe(`remembered queries of ${name}`, () => {
    test(
      'answer the same row without a question, and absence too, until something is committed',
      opened(async (database) => {
        const find = database.prepareRemembered<[string], { name: string }>((read, argument) =>
          read.selectFrom('secrets').select('name').where('name', '=', argument<string>(0)),
        );
        assert.equal(await find('a'), undefined);
        assert.equal(find('a'), undefined);
        await database.write(addSecret, { name: 'a', sealed: new Uint8Array() });
        assert.deepEqual(await find('a'), { name: 'a' });
        await nextTurn();
        await database.refresh();
        const row = await find('a');
        assert.equal(find('a'), row);
        await nextTurn();
        await database.refresh();
        assert.equal(find('a'), row);
      }),
    );

    test(
      'see a write of their own process as soon as it resolves, without a refresh',
      opened(async (database) => {
        const count = counterOf(database);
        for (let round = 0; round < 100; round++) {
          await count();
          const asked = count();
          const value = await database.write(countUp, undefined);
          assert.equal(await count(), value);
          await asked;
          assert.equal(await count(), value);
        }
      }),
    );

    test(
      'see what somebody else committed after the next refresh, every time',
      withAnother(async (database, another) => {
        const count = counterOf(database);
        for (let round = 0; round < 300; round++) {
          await count();
          const value = await another.write(countUp, undefined);
          await nextTurn();
          await database.refresh();
          assert.equal(await count(), value);
        }
      }),
    );

    test(
      'see it whatever refreshes and questions are under way at that moment',
      withAnother(async (database, another) => {
        const count = counterOf(database);
        let stopped = false;
        const readers = Array.from({ length: 8 }, async (_, reader) => {
          while (!stopped) {
            await database.refresh();
            await count();
            await pause(reader % 3);
          }
        });
        try {
          for (let round = 0; round < 200; round++) {
            const value = await another.write(countUp, undefined);
            await nextTurn();
            await database.refresh();
            assert.equal(await count(), value);
          }
        } finally {
          stopped = true;
          await Promise.all(readers);
        }
      }),
    );
  });
}
