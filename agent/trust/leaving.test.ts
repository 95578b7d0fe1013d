import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AwaitedNode, DesiredState } from '#contract/agent.ts';
import { createKubernetesApi } from '#kubernetes/api/index.ts';
import type { NodeStatus } from '#kubernetes/node/status.ts';
import { waitFor } from '#test/processes.ts';
import { createLog } from '../log.ts';
import type { AgentContext, NodeFacts } from '../part.ts';
import { createStores } from '../stores.ts';
import { startTestCluster } from '../testing/cluster.ts';
import { createNodeTrust } from './index.ts';
import { putNode, putNodePod } from './testing/nodes.ts';

const desired: DesiredState = {
  revision: 'r1',
  cluster: 'prod',
  registry: { name: 'reg.test:5000', authorities: 'PEM', addresses: ['https://10.0.0.1'] },
  nodes: { setConfigPath: false, credentialProvider: 'install' },
  pullSecrets: { selectors: [], webhook: false },
};

/** One node, whose pod does as the ConfigMap says; its kubelet names the provider as a test wants. */
async function leavingCluster() {
  const cluster = await startTestCluster();
  const ending = new AbortController();
  const { signal } = ending;
  const api = createKubernetesApi(cluster.connection);
  const log = createLog(() => undefined);
  const kubelet = { names: true };
  const settings = () =>
    String(
      (
        cluster.get('/api/v1/namespaces/berth/configmaps/berth-node') as {
          data?: { settings?: string };
        }
      )?.data?.settings,
    );
  const setting = (name: string) => new RegExp(`^${name} (.*)$`, 'm').exec(settings())?.[1] ?? '';
  const answer = cluster.fault;
  cluster.fault = (request, response) => {
    if (request.method === 'DELETE' && request.url?.endsWith('/configmaps/berth-node')) {
      // With its DaemonSet, by the garbage collector.
      cluster.remove('/api/v1/namespaces/berth/pods', 'berth-node-a');
    }
    if (!request.url?.startsWith('/api/v1/namespaces/berth/pods/berth-node-a/log')) {
      return answer?.(request, response);
    }
    const isWanted = setting('mode') === 'lay' && setting('provider') !== 'off';
    const named = isWanted ? 'active' : 'inert';
    response.end(`${JSON.stringify(status(setting, kubelet.names ? named : 'off'))}\n`);
    return true;
  };
  putNode(cluster, 'a');
  putNodePod(cluster, 'a');
  const facts = new Map<string, NodeFacts>();
  const trust = createNodeTrust({
    api,
    log,
    signal,
    registry: 'reg.test:5000',
    ...createStores(api, log, signal),
    reports: { setNode: (name: string, told: NodeFacts) => facts.set(name, told) },
  } as unknown as AgentContext);
  await trust.stateChanged(desired);
  await waitFor(() => Promise.resolve(facts.get('a')), {
    what: 'the node to say what it is',
    until: (told) => told?.credentialProvider.state === 'active',
  });

  const leaving = new AbortController();
  const told: (readonly AwaitedNode[])[] = [];
  return {
    cluster,
    kubelet,
    setting,
    facts,
    leaving,
    told,
    remove: async () =>
      await trust.remove?.({
        leaveProvider: leaving.signal,
        waitsFor: (nodes) => told.push(nodes),
      }),
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      api.close();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

function status(
  setting: (name: string) => string,
  provider: NodeStatus['provider_state'],
): NodeStatus {
  return {
    berth: 1,
    revision: setting('revision'),
    mode: setting('mode') === 'remove' ? 'remove' : 'lay',
    authorities: setting('authorities'),
    distribution: 'kubeadm',
    runtimes: 'containerd',
    containerd_version: '2.4.2',
    containerd_file: '/etc/containerd/config.toml',
    config_version: '3',
    config_path: '/etc/containerd/certs.d',
    config_legacy: 'no',
    config_owner: '',
    provider_bin: '',
    provider_config: '',
    provider_state: provider,
    provider_sum: '',
    provider_existing: '',
    laid: setting('mode') === 'remove' ? [] : ['/etc/containerd/certs.d/reg.test:5000'],
    kept: [],
    problems: [],
    provider_problems: [],
  };
}

test('a node that is waited for goes on trusting the registry, and says what is to be done', async () => {
  await using one = await leavingCluster();
  const removed = one.remove();
  await waitFor(() => Promise.resolve(one.told), {
    what: 'the node to be waited for',
    until: (told) => told.length > 0,
  });
  const [[node] = []] = one.told;
  assert.equal(node?.name, 'a');
  assert.match(node?.problem.cure ?? '', /--image-credential-provider-bin-dir=.*restart kubelet/);
  assert.deepEqual([one.setting('mode'), one.setting('provider')], ['lay', 'off']);
  assert.equal(one.setting('addresses'), 'yes');
  const facts = one.facts.get('a');
  assert.deepEqual([facts?.trust.state, facts?.credentialProvider.state], ['trusted', 'inert']);

  one.kubelet.names = false;
  // The node is looked at every ten seconds, and when its pod has started anew.
  putNodePod(one.cluster, 'a', '2026-01-02');
  assert.deepEqual(await removed, []);
  assert.deepEqual(one.told.at(-1), []);
  assert.equal(one.cluster.get('/api/v1/namespaces/berth/configmaps/berth-node'), undefined);
});

test('a provider that is to be left there is told, with what to do about it', async () => {
  await using one = await leavingCluster();
  one.leaving.abort();
  const [sentence = '', ...others] = (await one.remove()) ?? [];
  assert.match(
    sentence,
    /kubelet of a still runs .* take the flags that name \/var\/lib\/berth-node/,
  );
  assert.deepEqual(others, []);
  assert.deepEqual(one.told, []);
});
