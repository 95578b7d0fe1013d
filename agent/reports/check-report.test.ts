import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentCheck } from '#contract/agent.ts';
import { createCheckReport } from './check-report.ts';

const waiting: AgentCheck = { name: 'test-pull', state: 'waiting' };

test('whoever waits until it is told finds what was set at the server', async () => {
  const sent: AgentCheck[][] = [];
  const report = createCheckReport({
    send: async (checks) => {
      await new Promise((resolve) => setImmediate(resolve));
      sent.push(checks);
    },
    report: (error) => assert.fail(String(error)),
    signal: new AbortController().signal,
  });
  report.connected();
  report.set(waiting);
  await report.told();
  assert.deepEqual(sent, [[waiting]]);
  await report.told();
  assert.equal(sent.length, 1);
});

test('nobody waits for a server that is away, or that fails', async () => {
  const failures: unknown[] = [];
  const report = createCheckReport({
    send: async () => {
      throw new Error('The connection was lost.');
    },
    report: (error) => failures.push(error),
    signal: new AbortController().signal,
  });
  report.set(waiting);
  await report.told();
  assert.equal(failures.length, 0);
  report.connected();
  await report.told();
  assert.equal(failures.length, 1);
});
