import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import { createStatusReader } from './status-reader.ts';

test('many nodes are asked a few at a time, each of them', async () => {
  const ended = new AbortController();
  const asked = new Set<string>();
  let now = 0;
  let most = 0;
  const reader = createStatusReader({
    read: async (node) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      asked.add(node);
      now -= 1;
      return 60_000;
    },
    report: (error) => assert.fail(String(error)),
    signal: ended.signal,
  });
  for (let node = 0; node < 300; node += 1) reader.hurry(`node-${node}`);
  await waitFor(async () => asked.size, { what: 'all to be asked', until: (size) => size === 300 });
  assert.ok(most <= 8, `${most} at once`);
  ended.abort();
});

test('a node is asked again when it said, after a failure too, and no more once it is forgotten', async () => {
  const ended = new AbortController();
  const counts: Record<string, number> = {};
  const failures: unknown[] = [];
  const reader = createStatusReader({
    read: async (node) => {
      counts[node] = (counts[node] ?? 0) + 1;
      if (node === 'failing') throw new Error('no log');
      return node === 'quiet' ? 60_000 : 1;
    },
    report: (error) => failures.push(error),
    signal: ended.signal,
  });
  for (const node of ['busy', 'quiet', 'failing']) reader.hurry(node);
  await waitFor(async () => counts.busy ?? 0, { what: 'rounds', until: (count) => count > 5 });
  assert.deepEqual([counts.quiet, counts.failing, failures.length], [1, 1, 1]);
  reader.forget('busy');
  const { busy } = counts;
  reader.hurry('quiet');
  await waitFor(async () => counts.quiet, { what: 'its turn', until: (count) => count === 2 });
  assert.ok((counts.busy ?? 0) - (busy ?? 0) <= 1);
  ended.abort();
});
