import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { agentManifestPath, type NamespaceReport, type NodeReport } from '#contract/agent.ts';
import type { Cluster, ClusterNamespace, ClusterNode } from '#contract/clusters.ts';
import { largeNodes, manyNamespaces } from '#kubernetes/testing/large-cluster.ts';
import { startServer, type TestServer } from '#test/server.ts';
import { connectAgent, connectToken, enrolled, makeCluster } from './testing/agents.ts';

const nodes = 5_000;
const namespaces = 10_000;
const registry = 'registry.test:5443';
/** As the agent sends them. */
const ofOneMessage = 200;
const json = { 'content-type': 'application/json' };

describe(`a cluster of ${nodes} nodes and ${namespaces} namespaces`, () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ url: `https://${registry}`, names: 'registry.test' });
  });
  after(() => server.stop());

  test('is given its manifests for the list of nodes that kubectl prints', async () => {
    const token = await connectToken(server, 'listed');
    const list = { apiVersion: 'v1', items: largeNodes(nodes), kind: 'List' };
    const body = JSON.stringify(list, null, 4);
    assert.ok(body.length > 150_000_000);
    const reply = await server.request(agentManifestPath, { method: 'POST', token, body });
    assert.equal(reply.status, 200, String(reply.body));
    assert.match(String(reply.body), /registry\.k8s\.io\/pause:3\.10\.1/);
  });

  test('is told what to do where its list is longer than is taken', async () => {
    const token = await connectToken(server, 'listed');
    const reply = await server.request(agentManifestPath, {
      method: 'POST',
      token,
      headers: { 'content-length': String(600 * 1024 * 1024), connection: 'close' },
      body: '{}',
    });
    assert.equal(reply.status, 413);
    assert.match(
      (reply.json() as { kind: string }).kind,
      /longer than 512 MiB: .* berth cluster connect NAME --node-image IMAGE, and send no list/,
    );
  });

  test('is reported by its agent, and listed page by page and whole', async () => {
    const cluster = await makeCluster('ES256', registry);
    const { secret } = await enrolled(server, 'large', cluster);
    const agent = await connectAgent(server, { secret, proof: await cluster.token() });
    await report(agent.call, 'nodes.report', largeNodes(nodes).map(nodeReport));
    await report(agent.call, 'namespaces.report', manyNamespaces(namespaces).map(namespaceReport));
    await agent.leave();
    const described = await get<Cluster>('');
    assert.equal(described.nodes, nodes);
    assert.equal(described.trusted_nodes, nodes);
    assert.equal(described.namespaces, namespaces);
    const page = await get<ClusterNode[]>('/nodes?page_size=100&page=50');
    assert.equal(page.length, 100);
    assert.equal((await get<ClusterNode[]>('/nodes?page_size=0')).length, nodes);
    assert.equal((await get<ClusterNamespace[]>('/namespaces?page_size=0')).length, namespaces);
  });

  async function get<Body>(path: string): Promise<Body> {
    const reply = await server.request(`/api/v2.0/clusters/large${path}`, { as: server.admin });
    assert.equal(reply.status, 200);
    return reply.json() as Body;
  }

  test('grants to all its namespaces are told beside each', async () => {
    const send = (path: string, body: object) =>
      server.request(`/api/v2.0${path}`, {
        method: 'POST',
        as: server.admin,
        headers: json,
        body: JSON.stringify(body),
      });
    assert.equal((await send('/projects', { project_name: 'team' })).status, 201);
    const grant = { selector: { kind: 'all' }, project: 'team' };
    const granted = await send('/clusters/large/grants', grant);
    assert.equal(granted.status, 201, String(granted.body));
    const all = await get<ClusterNamespace[]>('/namespaces?page_size=0');
    assert.ok(all.every(({ projects }) => projects[0] === 'team'));
  });
});

type Call = (method: string, parameters: unknown) => Promise<unknown>;

async function report<Item extends { readonly name: string }>(
  call: Call,
  method: string,
  items: readonly Item[],
): Promise<void> {
  const sorted = items.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  for (let begin = 0; begin < sorted.length; begin += ofOneMessage) {
    const [first, next] = [sorted[begin], sorted[begin + ofOneMessage]];
    await call(method, {
      complete: true,
      ...(begin > 0 && { from: first?.name }),
      ...(next !== undefined && { until: next.name }),
      changed: sorted.slice(begin, begin + ofOneMessage),
      removed: [],
    });
  }
}

function nodeReport({ metadata }: { readonly metadata: { readonly name: string } }): NodeReport {
  return {
    name: metadata.name,
    addresses: ['10.0.0.1', metadata.name],
    architecture: 'amd64',
    operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
    kubeletVersion: 'v1.36.3',
    runtime: 'containerd://2.4.2',
    distribution: 'unknown',
    trust: {
      state: 'trusted',
      authorities: 'a'.repeat(64),
      configPath: '/etc/containerd/certs.d:/etc/docker/certs.d',
    },
    credentialProvider: { state: 'off' },
  };
}

function namespaceReport({
  metadata: { name, labels = {} },
}: ReturnType<typeof manyNamespaces>[number]): NamespaceReport {
  return { name, uid: `uid-of-${name}`, labels, credentials: { state: 'ready' } };
}
