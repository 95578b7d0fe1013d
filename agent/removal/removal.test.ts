import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerCalls } from '#contract/agent.ts';
import { createKubernetesApi } from '#kubernetes/api/index.ts';
import { ourLabels } from '#kubernetes/manifests/names.ts';
import { createLog } from '../log.ts';
import type { AgentPart } from '../part.ts';
import { startTestCluster, type TestCluster } from '../testing/cluster.ts';
import { isMarkedRemoved } from './last-step.ts';
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

async function remove(cluster: TestCluster, parts: readonly AgentPart[]): Promise<string[][]> {
  const api = createKubernetesApi(cluster.connection);
  const said: string[][] = [];
  await removeCluster({
    api,
    parts,
    registry: 'registry.test',
    server: {
      'cluster.removed': async ({ left }) => {
        assert.equal(await isMarkedRemoved(api, AbortSignal.timeout(5_000)), true);
        assert.ok(cluster.get('/api/v1/namespaces/berth'), 'the agent went before it said so');
        said.push(left);
        return {};
      },
    } as Partial<ServerCalls> as ServerCalls,
    log: createLog(() => undefined),
    signal: AbortSignal.timeout(30_000),
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
  assert.deepEqual(said, [['A node keeps a file.']]);
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

test('a namespace that holds something of others stays, and that is said with the command', async () => {
  await using cluster = await connectedCluster();
  cluster.put('/api/v1/namespaces/berth/pods', {
    metadata: { name: 'database', namespace: 'berth' },
  });
  const [left = []] = await remove(cluster, []);
  assert.match(left.join(), /the pod database in it is not Berth's agent\. .*kubectl delete/);
  assert.ok(cluster.get('/api/v1/namespaces/berth'));
});
