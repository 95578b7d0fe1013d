import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DesiredState } from '#contract/agent.ts';
import { waitFor } from '#test/processes.ts';
import { createDesiredStates } from './desired-state.ts';
import { createLog } from './log.ts';
import type { AgentPart } from './part.ts';

function state(revision: string): DesiredState {
  return {
    revision,
    cluster: 'test',
    registry: { name: 'registry.test', addresses: [] },
    nodes: { setConfigPath: false, credentialProvider: 'off' },
    pullSecrets: { selectors: [], webhook: false },
  };
}

/** A part whose work ends when the test says so. */
function slowPart() {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const part: AgentPart = {
    name: 'slow',
    stateChanged: async ({ revision }) => {
      begun.push(revision);
      await new Promise<void>((resolve) => ends.push(resolve));
    },
  };
  return { part, begun, end: () => ends.shift()?.() };
}

function becomes(what: string, condition: () => boolean): Promise<unknown> {
  return waitFor(() => Promise.resolve(condition()), { what, until: (is) => is });
}

test('a part gets one state at a time, and the newest next', async () => {
  const { part, begun, end } = slowPart();
  const ending = new AbortController();
  const states = createDesiredStates(
    [part],
    createLog(() => undefined),
    ending.signal,
  );
  for (const revision of ['1', '2', '3']) states.set(state(revision));
  assert.deepEqual(begun, ['1']);
  end();
  await becomes('the newest', () => begun.length === 2);
  assert.deepEqual(begun, ['1', '3']);
  states.set(state('3'));
  end();
  await states.stop();
  assert.deepEqual(begun, ['1', '3']);
});

test('a part that fails is tried again, at once where the state is another', async () => {
  const seen: string[] = [];
  const part: AgentPart = {
    name: 'failing',
    stateChanged: async ({ revision }) => {
      seen.push(revision);
      if (revision === '1') throw new Error('Not now.');
    },
  };
  const states = createDesiredStates(
    [part],
    createLog(() => undefined),
    AbortSignal.timeout(30_000),
  );
  states.set(state('1'));
  await becomes('the failure', () => seen.length === 1);
  states.set(state('2'));
  await becomes('the next state', () => seen.length === 2);
  assert.deepEqual(seen, ['1', '2']);
});

test('after a stop nothing is brought about, and what was under way has ended', async () => {
  const { part, begun, end } = slowPart();
  const states = createDesiredStates(
    [part],
    createLog(() => undefined),
    AbortSignal.timeout(30_000),
  );
  states.set(state('1'));
  let stopped = false;
  const stopping = states.stop().then(() => {
    stopped = true;
  });
  states.set(state('2'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(stopped, false);
  end();
  await stopping;
  assert.deepEqual(begun, ['1']);
});
