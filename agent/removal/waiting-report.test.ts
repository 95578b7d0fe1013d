import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerCalls } from '#contract/agent.ts';
import { waitFor } from '#test/processes.ts';
import { createLog } from '../log.ts';
import { createWaitingReport } from './waiting-report.ts';

type Told = Parameters<ServerCalls['cluster.waits']>[0];

function reportTo(send: (told: Told) => Promise<void>) {
  const ending = new AbortController();
  const report = createWaitingReport({
    send: async (told) => {
      await send(told);
      return {};
    },
    log: createLog(() => undefined),
    signal: ending.signal,
    retryMilliseconds: 10,
  });
  return { report, [Symbol.dispose]: () => ending.abort() };
}

const node = (name: string) => ({ name, problem: { message: 'named', cure: 'x'.repeat(5_000) } });

test('what could not be said is said again, the newest only and cut to what a message may hold', async () => {
  const heard: Told[] = [];
  let tries = 0;
  using reporting = reportTo(async (told) => {
    tries += 1;
    if (tries < 3) throw new Error('The connection was lost.');
    heard.push(told);
  });
  reporting.report.tell(['a Secret'], [node('a'), node('b')]);
  reporting.report.tell(['a Secret'], [node('b')]);
  await waitFor(() => Promise.resolve(heard), {
    what: 'the newest to be heard',
    until: (list) => list.at(-1)?.nodes.length === 1,
  });
  assert.deepEqual(heard, [
    {
      left: ['a Secret'],
      nodes: [{ ...node('b'), problem: { message: 'named', cure: 'x'.repeat(2_048) } }],
    },
  ]);
});

test('what was not heard when everything is removed is said no more', async () => {
  const heard: string[] = [];
  let fails = true;
  let tries = 0;
  using reporting = reportTo(async ({ nodes }) => {
    tries += 1;
    if (fails) throw new Error('The connection was lost.');
    heard.push(...nodes.map(({ name }) => name));
  });
  reporting.report.tell([], [node('a')]);
  await waitFor(() => Promise.resolve(tries), { what: 'a try', until: (count) => count > 0 });
  reporting.report.end();
  fails = false;
  reporting.report.tell([], [node('b')]);
  await waitFor(() => Promise.resolve(heard), { what: 'b', until: (names) => names.includes('b') });
  assert.deepEqual(heard, ['b']);
});
