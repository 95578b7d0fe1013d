import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerState, Pod } from '#kubernetes/api/index.ts';
import { hasEnded } from './has-ended.ts';

const renewedAt = '2026-11-24T12:00:05.600000Z';
const running: ContainerState = { running: { startedAt: '2026-11-24T12:00:00Z' } };
const backOff: ContainerState = { waiting: { reason: 'CrashLoopBackOff' } };

function ended(second: string): ContainerState {
  return { terminated: { exitCode: 137, finishedAt: `2026-11-24T12:00:${second}Z` } };
}

function pod(state: ContainerState, lastState: ContainerState = {}, phase = 'Running'): Pod {
  const container = { name: 'agent', ready: false, image: '', imageID: '', state, lastState };
  return {
    metadata: { name: 'one' },
    spec: { containers: [] },
    status: { phase, containerStatuses: [container] },
  };
}

test('an agent whose pod is gone or at its end has ended', () => {
  assert.equal(hasEnded(undefined, renewedAt), true);
  assert.equal(hasEnded(pod(running, {}, 'Failed'), renewedAt), true);
});

test('an agent that runs, or runs again, has not', () => {
  assert.equal(hasEnded(pod(running), renewedAt), false);
  assert.equal(hasEnded(pod(running, ended('07')), renewedAt), false);
});

test('an agent whose container ended after it renewed has, whether or not it is to begin again', () => {
  assert.equal(hasEnded(pod(ended('07')), renewedAt), true);
  assert.equal(hasEnded(pod(backOff, ended('07')), renewedAt), true);
  assert.equal(hasEnded(pod(ended('05')), renewedAt), true, 'in the second of its end');
});

test('an end of before says nothing of the agent that renewed since', () => {
  assert.equal(hasEnded(pod(backOff, ended('03')), renewedAt), false);
  assert.equal(hasEnded(pod(backOff), renewedAt), false);
  assert.equal(hasEnded(pod(backOff, ended('07')), undefined), false);
});
