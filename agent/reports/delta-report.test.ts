import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import { createDeltaReport, type Delta } from './delta-report.ts';

function reportOf(options: { readonly fails?: () => boolean } = {}) {
  const things = new Map<string, string>();
  const sent: Delta<string>[] = [];
  let completed = 0;
  const ending = new AbortController();
  const report = createDeltaReport<string>({
    names: () => things.keys(),
    read: (name) => things.get(name),
    send: async (delta) => {
      if (options.fails?.()) throw new Error('The connection was lost.');
      sent.push(delta);
    },
    complete: () => {
      completed += 1;
    },
    report: () => undefined,
    signal: ending.signal,
  });
  return {
    report,
    things,
    sent,
    completed: () => completed,
    [Symbol.dispose]: () => ending.abort(),
    set: (name: string, thing: string) => {
      things.set(name, thing);
      report.touch(name);
    },
    until: (count: number) =>
      waitFor(() => Promise.resolve(sent), {
        what: `${count} messages`,
        until: (list) => list.length >= count,
      }),
  };
}

test('everything is told when a connection opens, and what changes after it', async () => {
  using told = reportOf();
  told.set('one', 'first');
  told.set('two', 'second');
  told.report.connected();
  await told.until(1);
  told.set('one', 'changed');
  told.things.delete('two');
  told.report.touch('two');
  await told.until(2);
  assert.deepEqual(told.sent, [
    { complete: true, changed: ['first', 'second'], removed: [] },
    { complete: false, changed: ['changed'], removed: ['two'] },
  ]);
});

test('what comes at once goes as one message', async () => {
  using told = reportOf();
  told.report.connected();
  await told.until(1);
  for (let index = 0; index < 50; index += 1) told.set(`n${index}`, 'x');
  await told.until(2);
  assert.equal(told.sent[1]?.changed.length, 50);
});

test('a long list goes in parts that follow each other without a gap', async () => {
  using told = reportOf();
  const names = Array.from({ length: 450 }, (_, index) => `name-${String(index).padStart(3, '0')}`);
  for (const name of names.toReversed()) told.things.set(name, name);
  told.report.connected();
  await told.until(5);
  assert.deepEqual(
    told.sent.map(({ from, until, changed }) => [from, until, changed.length]),
    [
      [undefined, 'name-100', 100],
      ['name-100', 'name-200', 100],
      ['name-200', 'name-300', 100],
      ['name-300', 'name-400', 100],
      ['name-400', undefined, 50],
    ],
  );
  assert.deepEqual(
    told.sent.flatMap(({ changed }) => changed),
    names,
  );
  assert.equal(told.completed(), 1);
});

test('a message that was lost is made good by everything, as soon as there is a connection', async () => {
  let fails = false;
  let failed = 0;
  using told = reportOf({
    fails: () => {
      if (fails) failed += 1;
      return fails;
    },
  });
  told.report.connected();
  await told.until(1);
  fails = true;
  told.set('one', 'first');
  await waitFor(() => Promise.resolve(failed), { what: 'the loss', until: (n) => n === 1 });
  fails = false;
  told.report.connected();
  await told.until(2);
  assert.deepEqual(told.sent[1], { complete: true, changed: ['first'], removed: [] });
});

test('nothing is told before there is a connection', async () => {
  using told = reportOf();
  told.set('one', 'first');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told.sent, []);
});
