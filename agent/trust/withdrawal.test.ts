import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AwaitedNode } from '#contract/agent.ts';
import { createKubernetesApi } from '#kubernetes/api/index.ts';
import type { NodeStatus } from '#kubernetes/node/status.ts';
import { waitFor } from '#test/processes.ts';
import { createLog } from '../log.ts';
import type { AgentContext } from '../part.ts';
import { createStores } from '../stores.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { watchNodePods } from './node-pods.ts';
import { putNode, putNodePod } from './testing/nodes.ts';
import { withdrawProviders } from './withdrawal.ts';

const timing = { answer: 60_000, absence: 60_000, look: 10, idleLook: 10 };

interface Withdrawing extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly announced: () => number;
  /** What each node says of its provider. */
  readonly said: Map<string, NodeStatus['provider_state']>;
  /** The names of those that were waited for, each time that this was told. */
  readonly told: readonly (readonly string[])[];
  /** Until the last that was told are these. */
  waitsFor(...names: readonly string[]): Promise<unknown>;
  readonly ended: Promise<void>;
  readonly leaving: AbortController;
}

async function withdrawing(
  nodes: Readonly<Record<string, 'ready' | 'away'>>,
  changes: Partial<typeof timing> = {},
): Promise<Withdrawing> {
  const cluster = await startTestCluster();
  const api = createKubernetesApi(cluster.connection);
  const ending = new AbortController();
  const log = createLog(() => undefined);
  const context = { api, log, signal: ending.signal };
  for (const [name, state] of Object.entries(nodes)) {
    putNode(cluster, name, state === 'ready');
    putNodePod(cluster, name);
  }
  const said: Withdrawing['said'] = new Map();
  const told: string[][] = [];
  const leaving = new AbortController();
  let announced = 0;
  const ended = withdrawProviders({
    nodes: createStores(api, log, ending.signal).nodes,
    pods: watchNodePods(context as unknown as AgentContext),
    order: {
      leaveProvider: leaving.signal,
      waitsFor: (awaited: readonly AwaitedNode[]) => told.push(awaited.map(({ name }) => name)),
    },
    signal: ending.signal,
    announce: async () => {
      announced += 1;
    },
    isDone: (name) => {
      const state = said.get(name);
      return state === undefined ? undefined : ({ provider_state: state } as NodeStatus);
    },
    problem: () => ({ message: 'named', cure: 'name it no more' }),
    timing: { ...timing, ...changes },
  });
  ended.catch(() => undefined);
  return {
    cluster,
    announced: () => announced,
    said,
    told,
    waitsFor: (...names) =>
      waitFor(() => Promise.resolve(told.at(-1)), {
        what: `${names.join()} to be waited for`,
        until: (last) => last?.join() === names.join(),
      }),
    ended,
    leaving,
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await ended.catch(() => undefined);
      api.close();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

test('nodes whose kubelets name the provider are waited for, each until its own does not', async () => {
  await using one = await withdrawing({ a: 'ready', b: 'ready', c: 'ready' });
  await waitFor(() => Promise.resolve(one.announced()), {
    what: 'nodes to be told',
    until: (times) => times === 1,
  });
  one.said.set('a', 'inert').set('b', 'off');
  assert.deepEqual(one.told, [], 'told before every node has answered');
  one.said.set('c', 'inert');
  await one.waitsFor('a', 'c');
  one.said.set('a', 'off');
  await one.waitsFor('c');
  one.said.set('c', 'off');
  await one.ended;
  assert.deepEqual(one.told, [['a', 'c'], ['c'], []]);
});

test('where no kubelet names it nobody is told of waiting', async () => {
  await using one = await withdrawing({ a: 'ready' });
  one.said.set('a', 'off');
  await one.ended;
  assert.deepEqual(one.told, []);
});

test('whoever wants no node to be waited for is heard at once, and while one is', async () => {
  await using early = await withdrawing({ a: 'ready' });
  early.leaving.abort();
  await early.ended;
  await using late = await withdrawing({ a: 'ready' });
  late.said.set('a', 'inert');
  await late.waitsFor('a');
  late.leaving.abort();
  await late.ended;
});

test('a node that is away when it is asked is not waited for, and is when it comes back', async () => {
  await using one = await withdrawing({ a: 'ready', b: 'away' });
  one.said.set('a', 'inert');
  await one.waitsFor('a');
  putNode(one.cluster, 'b');
  one.said.set('b', 'inert');
  await one.waitsFor('a', 'b');
});

test('a kubelet that starts anew keeps its node among those that are waited for', async () => {
  await using one = await withdrawing({ a: 'ready' });
  one.said.set('a', 'inert');
  await one.waitsFor('a');
  putNode(one.cluster, 'a', false);
  putNode(one.cluster, 'b');
  putNodePod(one.cluster, 'b');
  one.said.set('b', 'inert');
  await one.waitsFor('a', 'b');
});

test('a node that stays away, or is gone, is not waited for without end', async () => {
  await using one = await withdrawing({ a: 'ready', b: 'ready' }, { absence: 300 });
  one.said.set('a', 'inert').set('b', 'inert');
  await one.waitsFor('a', 'b');
  one.cluster.remove('/api/v1/nodes', 'b');
  await one.waitsFor('a');
  putNode(one.cluster, 'a', false);
  await one.ended;
});
