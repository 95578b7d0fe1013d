import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type {
  Cluster,
  ClusterCheck,
  ClusterNamespace,
  ClusterNode,
  ConnectionOffer,
} from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import { agentPods, leadingAgent } from '../agent-network.ts';
import { type Bed, clusterName, registry } from '../bed.ts';
import { allPass, haveConnected } from '../preparation.ts';
import { containersOf, type RunningContainer } from '../usage.ts';

const backTarget = 5_000;

export function connectSection(bed: () => Bed): void {
  describe('connecting the cluster', () => {
    let offer: ConnectionOffer;

    test("curl trusts the server by the pin of its key alone, and no other key's", async () => {
      const { operator } = bed();
      const key = await operator.type(
        `openssl s_client -connect ${registry} </dev/null 2>/dev/null | openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`,
      );
      const fetch = (pin: string) =>
        `curl -fsSk --pinnedpubkey 'sha256//${pin}' https://${registry}/ca.crt`;
      assert.equal(await operator.type(fetch(key.trim())), bed().berth.authority);
      const other = Buffer.alloc(32).toString('base64');
      assert.match(await operator.fails(fetch(other)), /public key does not match/i);
    });

    test('one pasted command does it, and every check passes', async () => {
      const { operator, record } = bed();
      offer = (await bed().berthJson(`cluster connect ${clusterName}`)) as ConnectionOffer;
      const begun = performance.now();
      await operator.type(offer.commands.kubectl);
      await waitFor(() => status(bed()), {
        what: 'the agent to connect',
        until: ({ state }) => state === 'connected',
        limit: 120_000,
      });
      const connected = performance.now() - begun;
      const { checks } = await allPass(bed());
      record({
        what: 'from the command to a connected agent',
        value: connected / 1_000,
        unit: 's',
      });
      record({
        what: 'from the command to all checks passed',
        value: (performance.now() - begun) / 1_000,
        unit: 's',
      });
      const names = checks.map(({ name }) => name).filter((name) => name !== 'webhook');
      const all = ['token', 'tls', 'identity', 'rbac', 'inventory', 'test-pull', 'version'];
      assert.deepEqual(names.toSorted(), all.toSorted());
      const told = checks.find(({ name }) => name === 'version');
      const { version } = (await bed().berthJson('version')) as { version: string };
      assert.deepEqual([told?.detail, told?.problem], [version, undefined]);
    });

    test('a pull that is asked for is followed to its end', async () => {
      const pulled = (await bed().berthJson(`cluster test ${clusterName}`)) as ClusterCheck;
      assert.deepEqual([pulled.name, pulled.state], ['test-pull', 'passed']);
      const scheduled = 'reason=Scheduled,involvedObject.name=berth-test-pull';
      const events = await bed().operator.type(
        `kubectl get events --namespace berth --field-selector ${scheduled} --output=name`,
      );
      assert.ok(events.trim().split('\n').length >= 2, events);
    });

    test('the agent is the image from Berth, under its own ServiceAccount', async () => {
      const field = (path: string) =>
        bed().operator.type(
          `kubectl get pods --namespace berth --selector ${agentPods} --output=jsonpath='{.items[*].${path}}'`,
        );
      assert.match(
        await field('spec.containers[*].image'),
        /^registry\.berth\.test:5000\/berth\/agent[:@]\S+$/,
      );
      assert.equal(await field('spec.serviceAccountName'), 'berth-agent');
    });

    test('the connect token is gone from the cluster, and works for nobody any more', async () => {
      const { operator } = bed();
      const left = () => operator.type('kubectl get secret --namespace berth --output=name');
      await waitFor(left, {
        what: 'the connect token to be deleted',
        until: (names) => !names.includes('berth-connect'),
      });
      assert.match(await left(), /secret\/berth-agent-identity/);
      const said = await operator.fails(offer.commands.kubectl);
      assert.match(said, new RegExp(`berth cluster connect ${clusterName}`));
      assert.equal((await status(bed())).state, 'connected');
    });

    test('an identity alone, taken from its Secret, opens no connection', async () => {
      const { operator } = bed();
      const said = await operator.type(
        [
          'identity=$(kubectl get secret berth-agent-identity --namespace berth --output=jsonpath={.data.secret} | base64 -d)',
          `curl -sk --http1.1 --max-time 10 --write-out ' %{http_code}' -H "Authorization: Bearer $identity" -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' https://${registry}/api/v2.0/agent/connection`,
        ].join('; '),
      );
      assert.match(said, / 401$/);
      assert.equal((await status(bed())).state, 'connected');
    });

    test('nodes are told of as they are', async () => {
      const nodes = (await bed().berthJson(`cluster nodes ${clusterName}`)) as ClusterNode[];
      assert.deepEqual(
        nodes.map(({ name }) => name).toSorted(),
        bed()
          .cluster.nodes.map(({ name }) => name)
          .toSorted(),
      );
      for (const { addresses, runtime, kubeletVersion, name } of nodes) {
        const node = bed().cluster.nodes.find((one) => one.name === name);
        assert.ok(addresses.includes(node?.address ?? ''));
        assert.ok(runtime.startsWith(`containerd://${bed().version}`), runtime);
        assert.match(kubeletVersion, /^v1\.36\./);
      }
    });

    test('namespaces are told of as they come, change and go', async () => {
      const { operator } = bed();
      const told = (what: string, until: (found: ClusterNamespace | undefined) => boolean) =>
        waitFor(() => namespace(bed(), 'told'), { what, until });
      await operator.type('kubectl create namespace told');
      await told('the namespace to be told of', (found) => found !== undefined);
      await operator.type('kubectl label namespace told team=red');
      await told('its label to be told of', (found) => found?.labels.team === 'red');
      await operator.type('kubectl delete namespace told');
      await told('its end to be told of', (found) => found === undefined);
    });
  });

  describe('a connection that is lost', () => {
    before(async () => {
      await haveConnected(bed());
    });

    test('is opened again when the network between agent and server comes back', async () => {
      const { operator } = bed();
      const rule = 'FORWARD --protocol tcp --dport 5000 --jump REJECT --reject-with tcp-reset';
      const onNodes = (change: string) =>
        Promise.all(
          bed().cluster.nodes.map(({ host }) => host.shell(`iptables --wait ${change} ${rule}`)),
        );
      await onNodes('--insert');
      await waitFor(() => status(bed()), {
        what: 'the agent to be away',
        until: ({ state }) => state === 'away',
        limit: 60_000,
      });
      await operator.type('kubectl create namespace meanwhile');
      await onNodes('--delete');
      await isBack(bed(), 'agent back after its network');
      await waitFor(() => namespace(bed(), 'meanwhile'), {
        what: 'what came meanwhile to be told of',
        until: (found) => found !== undefined,
      });
      await operator.type('kubectl delete namespace meanwhile');
    });

    test('is opened again by the container that follows a killed one', async () => {
      const agent = await theAgent(bed());
      await agent.node.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', agent.id);
      await waitFor(() => theAgent(bed()), {
        what: 'the next container',
        until: ({ id }) => id !== agent.id,
        limit: 60_000,
      });
      await isBack(bed(), 'agent back after its container was killed and started again');
    });

    test('is opened again by another pod, as soon as one gives its Lease up', async () => {
      const agent = await theAgent(bed());
      await bed().operator.type(`kubectl delete pod ${agent.pod} --namespace berth`);
      const next = await waitFor(() => leadingAgent(bed()), {
        what: 'another holder of the Lease',
        until: (name) => name !== '' && name !== agent.pod,
        limit: 60_000,
      });
      assert.match(next, /^berth-agent-/);
      await allPass(bed());
    });
  });

  describe('a right that the agent lacks', () => {
    test('is a failed check with its cure, and the command heals it', async () => {
      await haveConnected(bed());
      const { operator } = bed();
      const role = JSON.parse(
        await operator.type('kubectl get role berth-agent --namespace berth --output=json'),
      ) as { rules: { resources: string[] }[] };
      const rules = role.rules.filter(({ resources }) => !resources.includes('pods/log'));
      await operator.type('kubectl replace --filename=-', {
        input: JSON.stringify({ ...role, rules }),
      });
      const { pod } = await theAgent(bed());
      await operator.type(`kubectl delete pod ${pod} --namespace berth`);
      const failed = await waitFor(
        () => bed().clone.fails(`./berth cluster status ${clusterName}`),
        {
          what: 'the check of rights to fail',
          until: (said) => said.includes('pods/log'),
          limit: 60_000,
        },
      );
      assert.match(failed, /The agent may not get pods\/log/);
      assert.match(failed, /berth cluster connect/);
      const again = (await bed().berthJson(`cluster connect ${clusterName}`)) as ConnectionOffer;
      await operator.type(again.commands.kubectl);
      await allPass(bed());
    });
  });
}

async function status(bed: Bed): Promise<Cluster> {
  return (await bed.berthJson(`cluster status ${clusterName}`)) as Cluster;
}

async function namespace(bed: Bed, name: string): Promise<ClusterNamespace | undefined> {
  const all = (await bed.berthJson(`cluster namespaces ${clusterName}`)) as ClusterNamespace[];
  return all.find((one) => one.name === name);
}

async function theAgent({ cluster }: Bed): Promise<RunningContainer> {
  const [agent] = await containersOf(cluster, 'berth', agentPods);
  if (agent === undefined) throw new Error('No pod of the agent runs.');
  return agent;
}

async function isBack(bed: Bed, what: string): Promise<void> {
  const begun = performance.now();
  await waitFor(() => status(bed), {
    what: 'the agent to be connected again',
    until: ({ state }) => state === 'connected',
    limit: 10 * backTarget,
  });
  const value = performance.now() - begun;
  bed.record({ what, value: value / 1_000, unit: 's', target: backTarget / 1_000 });
}
