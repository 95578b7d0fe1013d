import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Database } from '#server/database/database.ts';
import type { BerthEvent } from '../events.ts';
import { createOutbox, type OutboxFailure, type Subscriber } from '../outbox.ts';
import { maximumAttempts } from '../outbox-writes.ts';
import { emitEvents } from './writes.ts';

function pushed(repository: string): BerthEvent {
  return {
    type: 'tag.deleted',
    repository,
    digest: `sha256:${'0'.repeat(64)}`,
    tag: 'v1',
    by: 'user alice',
  };
}

function repositoryOf(event: BerthEvent): string {
  assert.ok('repository' in event);
  return event.repository;
}

function listener(name = 'listener') {
  const heard: string[] = [];
  const subscriber: Subscriber = {
    name,
    async hear(event) {
      heard.push(repositoryOf(event));
    },
  };
  return { heard, subscriber };
}

/** @param open opens an empty database, which `remove` takes away */
export function outboxSuite(
  name: string,
  open: () => Promise<{ database: Database; remove: () => Promise<void> }>,
): void {
  const opened = (run: (database: Database) => Promise<void>) => async () => {
    const { database, remove } = await open();
    try {
      await run(database);
    } finally {
      await database.close();
      await remove();
    }
  };

  function outboxOf(database: Database, subscribers: readonly Subscriber[], time = { now: 1_000 }) {
    const failures: OutboxFailure[] = [];
    const outbox = createOutbox({
      database,
      subscribers,
      report: (failure) => failures.push(failure),
      now: () => time.now,
      interval: 10,
    });
    return { outbox, failures, time };
  }

  async function left(database: Database) {
    return database.read
      .selectFrom('events')
      .select(['attempts', 'lease_until'])
      .orderBy('id')
      .execute();
  }

  describe(`the outbox over ${name}`, () => {
    test(
      'brings every event to every subscriber and keeps none of them',
      opened(async (database) => {
        const [one, other] = [listener('one'), listener('other')];
        const { outbox, failures } = outboxOf(database, [one.subscriber, other.subscriber]);
        const names = Array.from({ length: 70 }, (_, index) => `team/app-${index}`);
        await database.write(emitEvents, { events: names.map(pushed), now: 1 });
        await outbox.settled();
        assert.deepEqual(one.heard, names);
        assert.deepEqual(other.heard, names);
        assert.deepEqual(await left(database), []);
        assert.deepEqual(failures, []);
        await outbox.stop();
      }),
    );

    test(
      'gives the event whole to a subscriber',
      opened(async (database) => {
        const events: BerthEvent[] = [];
        const { outbox } = outboxOf(database, [
          { name: 'keeper', hear: async (event) => void events.push(event) },
        ]);
        await database.write(emitEvents, { events: [pushed('team/app')], now: 1 });
        await outbox.settled();
        assert.deepEqual(events, [pushed('team/app')]);
        await outbox.stop();
      }),
    );

    test(
      'hears of events that nobody woke it for',
      opened(async (database) => {
        const arrived = Promise.withResolvers<void>();
        const { outbox } = outboxOf(database, [
          { name: 'waiter', hear: async () => arrived.resolve() },
        ]);
        outbox.start();
        await outbox.settled();
        await database.write(emitEvents, { events: [pushed('team/app')], now: 1 });
        await arrived.promise;
        await outbox.stop();
      }),
    );

    test(
      'brings a failed event again, later each time, while others go on',
      opened(async (database) => {
        const { heard, subscriber } = listener();
        let failing = true;
        const moody: Subscriber = {
          name: 'moody',
          async hear(event) {
            if (failing && repositoryOf(event) === 'team/bad') throw new Error('not now');
          },
        };
        const { outbox, failures, time } = outboxOf(database, [moody, subscriber]);
        await database.write(emitEvents, {
          events: [pushed('team/bad'), pushed('team/good')],
          now: 1,
        });
        await outbox.settled();
        assert.deepEqual(heard, ['team/bad', 'team/good']);
        assert.deepEqual(await left(database), [{ attempts: 1, lease_until: 2_000 }]);
        assert.equal(failures[0]?.subscriber, 'moody');
        assert.equal(failures[0]?.givenUp, false);

        time.now = 2_000;
        await outbox.settled();
        assert.deepEqual(await left(database), [{ attempts: 2, lease_until: 6_000 }]);

        failing = false;
        time.now = 6_000;
        await outbox.settled();
        assert.deepEqual(await left(database), []);
        assert.deepEqual(heard, ['team/bad', 'team/good', 'team/bad', 'team/bad']);
        await outbox.stop();
      }),
    );

    test(
      'leaves an event aside that fails every time, and says so once',
      opened(async (database) => {
        let attempts = 0;
        const broken: Subscriber = {
          name: 'broken',
          async hear() {
            attempts += 1;
            throw new Error('never');
          },
        };
        const { outbox, failures, time } = outboxOf(database, [broken]);
        await database.write(emitEvents, { events: [pushed('team/bad')], now: 1 });
        for (let round = 0; round < maximumAttempts + 3; round += 1) {
          await outbox.settled();
          time.now += 3_600_000;
        }
        assert.equal(attempts, maximumAttempts);
        assert.equal(failures.filter(({ givenUp }) => givenUp).length, 1);
        assert.equal((await left(database)).length, 1);
        await outbox.stop();
      }),
    );

    test(
      'never brings one event to two processes while the first still works on it',
      opened(async (database) => {
        const began = Promise.withResolvers<void>();
        const goOn = Promise.withResolvers<void>();
        const slow: Subscriber = {
          name: 'slow',
          async hear() {
            began.resolve();
            await goOn.promise;
          },
        };
        const { heard, subscriber } = listener();
        const first = outboxOf(database, [slow]);
        const second = outboxOf(database, [subscriber]);
        await database.write(emitEvents, { events: [pushed('team/app')], now: 1 });
        first.outbox.wake();
        await began.promise;
        await second.outbox.settled();
        assert.deepEqual(heard, []);
        goOn.resolve();
        await first.outbox.settled();
        assert.deepEqual(await left(database), []);
        await Promise.all([first.outbox.stop(), second.outbox.stop()]);
      }),
    );

    test(
      'takes over from a process that ended while it worked',
      opened(async (database) => {
        const testEnds = Promise.withResolvers<void>();
        const ended = outboxOf(database, [{ name: 'ended', hear: () => testEnds.promise }]);
        const { heard, subscriber } = listener();
        const heir = outboxOf(database, [subscriber]);
        await database.write(emitEvents, { events: [pushed('team/app')], now: 1 });
        ended.outbox.wake();
        while ((await left(database))[0]?.attempts !== 1) await new Promise(setImmediate);
        heir.time.now += 61_000;
        await heir.outbox.settled();
        assert.deepEqual(heard, ['team/app']);
        assert.deepEqual(await left(database), []);
        testEnds.resolve();
        await Promise.all([ended.outbox.stop(), heir.outbox.stop()]);
      }),
    );

    test(
      'stops after the event at hand and gives the rest back untouched',
      opened(async (database) => {
        const began = Promise.withResolvers<void>();
        const goOn = Promise.withResolvers<void>();
        const heard: string[] = [];
        const { outbox } = outboxOf(database, [
          {
            name: 'slow',
            async hear(event) {
              heard.push(repositoryOf(event));
              began.resolve();
              await goOn.promise;
            },
          },
        ]);
        await database.write(emitEvents, {
          events: [pushed('team/one'), pushed('team/two')],
          now: 1,
        });
        outbox.wake();
        await began.promise;
        const stopped = outbox.stop();
        goOn.resolve();
        await stopped;
        assert.deepEqual(heard, ['team/one']);
        assert.deepEqual(await left(database), [{ attempts: 0, lease_until: 0 }]);
      }),
    );
  });
}
