import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AwaitedNode, ServerCalls } from '#contract/agent.ts';
import { createKubernetesApi } from '#kubernetes/api/index.ts';
import { ourLabels } from '#kubernetes/manifests/names.ts';
import { waitFor } from '#test/processes.ts';
import { createLog } from '../log.ts';
import type { AgentPart } from '../part.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { findMark, markRemoved, takeLastStep } from './last-step.ts';
import { removeCluster } from './removal.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const admission = '/apis/admissionregistration.k8s.io/v1';

async function connectedCluster(): Promise<TestCluster> {
  const cluster = await startTestCluster();
  const metadata = { name: 'berth-agent', labels: ourLabels };
  cluster.put('/api/v1/namespaces', { metadata: { name: 'berth', uid: 'uid-of-berth' } });
  cluster.put(`${rbac}/clusterroles`, { metadata });
  cluster.put(`${rbac}/clusterrolebindings`, { metadata });
  cluster.put(`${admission}/validatingadmissionpolicies`, { metadata });
  cluster.put('/api/v1/namespaces/berth/secrets', {
    metadata: { name: 'berth-agent-identity', namespace: 'berth' },
  });
  cluster.put('/api/v1/namespaces/berth/pods', {
    metadata: { name: 'berth-agent-1', namespace: 'berth', labels: ourLabels },
  });
  return cluster;
}

interface Said {
  /** At the end. */
  readonly left: string[];
  readonly waiting: { left: string[]; nodes: AwaitedNode[] }[];
}

function nothingSaid(): Said {
  return { left: [], waiting: [] };
}

async function remove(
  cluster: TestCluster,
  parts: readonly AgentPart[],
  said: Said = nothingSaid(),
): Promise<Said> {
  const api = createKubernetesApi(cluster.connection);
  const signal = AbortSignal.timeout(30_000);
  await removeCluster({
    api,
    parts,
    leaveProvider: new AbortController().signal,
    registry: 'registry.test',
    server: {
      'cluster.waits': async (told) => {
        said.waiting.push(told);
        return {};
      },
      'cluster.removed': async ({ left }) => {
        assert.ok(await findMark({ api, signal }), 'a restart now would begin anew');
        assert.ok(cluster.get('/api/v1/namespaces/berth'), 'the agent went before it said so');
        said.left.push(...left);
        return {};
      },
    } as Partial<ServerCalls> as ServerCalls,
    log: createLog(() => undefined),
    signal,
  });
  api.close();
  return said;
}

function part(name: string, order: string[], left: readonly string[] = []): AgentPart {
  return {
    name,
    stateChanged: async () => undefined,
    remove: async () => {
      order.push(name);
      return left;
    },
  };
}

test('parts go in their order, then what no namespace holds, then the agent says so and goes', async () => {
  await using cluster = await connectedCluster();
  const order: string[] = [];
  const said = await remove(cluster, [
    part('secrets', order),
    part('nodes', order, ['A node keeps a file.']),
  ]);
  assert.deepEqual(order, ['secrets', 'nodes']);
  assert.deepEqual(said, { left: ['A node keeps a file.'], waiting: [] });
  assert.equal(cluster.get(`${admission}/validatingadmissionpolicies/berth-agent`), undefined);
  assert.equal(cluster.get('/api/v1/namespaces/berth'), undefined);
  for (const kind of ['clusterroles', 'clusterrolebindings']) {
    const object = cluster.get(`${rbac}/${kind}/berth-agent`);
    assert.match(
      JSON.stringify(object?.metadata),
      /"kind":"Namespace","name":"berth","uid":"uid-of-berth"/,
    );
  }
  assert.match(cluster.requests.at(-1) ?? '', /^DELETE \/api\/v1\/namespaces\/berth$/);
});

test('who is waited for is said with what is left by then, and nothing goes on before', async () => {
  await using cluster = await connectedCluster();
  const said = nothingSaid();
  const problem = { message: 'The kubelet of a names it.', cure: 'Take it out.' };
  const nodes: AgentPart = {
    name: 'nodes',
    stateChanged: async () => undefined,
    remove: async ({ waitsFor }) => {
      waitsFor([{ name: 'a', problem }]);
      await waitFor(() => Promise.resolve(said.waiting), {
        what: 'it to be said',
        until: (list) => list.length === 1,
      });
      assert.ok(cluster.get(`${admission}/validatingadmissionpolicies/berth-agent`));
      return [];
    },
  };
  await remove(cluster, [part('secrets', [], ['A Secret is left.']), nodes], said);
  assert.deepEqual(said.waiting, [
    { left: ['A Secret is left.'], nodes: [{ name: 'a', problem }] },
  ]);
  assert.deepEqual(said.left, ['A Secret is left.']);
});

test('an agent that starts again before the last step says what is left, and takes it', async () => {
  await using cluster = await connectedCluster();
  const api = createKubernetesApi(cluster.connection);
  const signal = AbortSignal.timeout(30_000);
  const secret = '/api/v1/namespaces/berth/secrets';
  const keep = (data: object) =>
    cluster.put(secret, { metadata: { name: 'berth-agent-identity', namespace: 'berth' }, data });
  keep({ issued: 'Zmlyc3Q=' });
  assert.equal(await findMark({ api, signal }), undefined);
  await markRemoved({ api, signal }, ['A node keeps a file.']);
  const left = await findMark({ api, signal });
  assert.deepEqual(left, ['A node keeps a file.']);

  const { data } = cluster.get(`${secret}/berth-agent-identity`) as { data?: object };
  keep({ ...data, issued: 'c2Vjb25k' });
  assert.equal(await findMark({ api, signal }), undefined, 'the cluster was connected anew since');

  const said: string[][] = [];
  const server = {
    'cluster.removed': async (told: { left: string[] }) => {
      said.push(told.left);
      return {};
    },
  } as Partial<ServerCalls> as ServerCalls;
  const log = createLog(() => undefined);
  await takeLastStep({ api, registry: 'registry.test', server, log, signal }, left ?? []);
  assert.deepEqual(said, [['A node keeps a file.']]);
  assert.equal(cluster.get('/api/v1/namespaces/berth'), undefined);
  api.close();
});

test('a namespace that holds something of others stays, and that is said with the command', async () => {
  await using cluster = await connectedCluster();
  cluster.put('/api/v1/namespaces/berth/pods', {
    metadata: { name: 'database', namespace: 'berth' },
  });
  const { left } = await remove(cluster, []);
  assert.equal(left.length, 1);
  assert.match(left.join(), /the pod database in it is not Berth's agent\. .*kubectl delete/);
  assert.ok(cluster.get('/api/v1/namespaces/berth'));
});
