import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import { createWorkQueue } from './work-queue.ts';

const pauses = { first: 1, last: 8 };

test('a key is worked on once at a time, and once more when it was added meanwhile', async () => {
  const underWay = new Set<string>();
  let times = 0;
  const queue = createWorkQueue({
    concurrency: 4,
    pauses,
    work: async (key) => {
      assert.ok(!underWay.has(key));
      underWay.add(key);
      times += 1;
      await new Promise((resolve) => setImmediate(resolve));
      underWay.delete(key);
    },
  });
  for (let index = 0; index < 100; index++) queue.add('one');
  await queue.settled();
  assert.equal(times, 2);
});

test('no more keys than allowed are worked on at one time', async () => {
  let underWay = 0;
  let most = 0;
  let done = 0;
  const queue = createWorkQueue({
    concurrency: 3,
    pauses,
    work: async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      done += 1;
    },
  });
  for (let index = 0; index < 50; index++) queue.add(`key-${index}`);
  await queue.settled();
  assert.equal(most, 3);
  assert.equal(done, 50);
});

test('a key that fails is tried again and again, and keeps no other waiting', async () => {
  let failures = 0;
  let others = 0;
  const queue = createWorkQueue({
    concurrency: 1,
    pauses,
    work: async (key) => {
      if (key !== 'bad') {
        others += 1;
      } else if (failures < 5) {
        failures += 1;
        throw new Error('not yet');
      }
    },
  });
  queue.add('bad');
  for (let index = 0; index < 20; index++) queue.add(`good-${index}`);
  await queue.settled();
  assert.equal(others, 20);
  await waitFor(async () => failures, { what: 'five tries', until: (count) => count === 5 });
  queue.close();
});

test('what failed is tried at once when told to', async () => {
  let times = 0;
  const queue = createWorkQueue({
    concurrency: 1,
    pauses: { first: 3_600_000, last: 3_600_000 },
    work: async () => {
      times += 1;
      if (times === 1) throw new Error('not yet');
    },
  });
  queue.add('one');
  await queue.settled();
  queue.retryAll();
  await queue.settled();
  assert.equal(times, 2);
  queue.close();
});
