import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NamespaceReport } from '#contract/agent.ts';
import type { Cluster, ClusterNamespace, ClusterNode } from '#contract/clusters.ts';
import type { DatabaseSettings } from '#test/databases.ts';
import { agentServer, base } from './agent-server.ts';

/** The promises of what agents report, on any database. */
export function reportsSuite(database: string, settingsOf: DatabaseSettings): void {
  describe(`the connection of an agent, on ${database}`, () => {
    const agents = agentServer(settingsOf);
    const { connected, read, send } = agents;

    const namespace = (name: string, labels: Record<string, string> = {}): NamespaceReport => ({
      name,
      uid: `uid-${name}`,
      labels,
    });

    test('brings what is in the cluster, of that cluster only', async () => {
      const one = await connected();
      const other = await connected();
      const node = (name: string, state: 'trusted' | 'pending') => ({
        name,
        addresses: ['10.0.0.1'],
        architecture: 'amd64',
        operatingSystem: 'Debian',
        kubeletVersion: 'v1.36.3',
        runtime: 'containerd://2.4.2',
        distribution: 'kubeadm',
        trust: { state },
        credentialProvider: { state: 'off' },
        cluster: other.name,
      });
      await one.agent.call('nodes.report', {
        complete: true,
        changed: [node('n1', 'trusted'), node('n2', 'pending')],
        removed: [],
      });
      await one.agent.call('namespaces.report', {
        complete: true,
        changed: [namespace('web', { tier: 'front' }), namespace('db'), namespace('old')],
        removed: [],
      });
      await one.agent.call('namespaces.report', {
        complete: false,
        changed: [{ ...namespace('db'), credentials: { state: 'ready' } }],
        removed: ['old', 'never'],
      });
      const { nodes, trusted_nodes, namespaces } = await read<Cluster>(`${base}/${one.name}`);
      assert.deepEqual(
        { nodes, trusted_nodes, namespaces },
        {
          nodes: 2,
          trusted_nodes: 1,
          namespaces: 2,
        },
      );
      const listed = await read<ClusterNamespace[]>(`${base}/${one.name}/namespaces`);
      assert.deepEqual(listed, [
        { name: 'db', labels: {}, credentials: { state: 'ready' }, projects: [] },
        { name: 'web', labels: { tier: 'front' }, projects: [] },
      ]);
      const [first] = await read<ClusterNode[]>(`${base}/${one.name}/nodes?page_size=1`);
      assert.equal(first?.name, 'n1');
      assert.ok(!('cluster' in first));
      assert.deepEqual(await read(`${base}/${other.name}/namespaces`), []);
      await one.agent.call('nodes.report', {
        complete: true,
        from: 'n2',
        changed: [],
        removed: [],
      });
      assert.equal((await read<Cluster>(`${base}/${one.name}`)).nodes, 1);
      await Promise.all([one.agent.leave(), other.agent.leave()]);
    });

    test('keeps 500 reports at once in a few writes, in their order', async () => {
      const { name, agent } = await connected();
      const counted = async () => {
        const text = String(
          (await agents.server.request('/metrics', { as: agents.server.admin })).body,
        );
        const count =
          /^berth_database_write_duration_seconds_count\{durability="durable"\} (\d+)$/m;
        return Number(count.exec(text)?.[1]);
      };
      const before = await counted();
      const all: Promise<unknown>[] = [];
      for (let number = 0; number < 250; number += 1) {
        const changed = [namespace(`n${number}`)];
        all.push(agent.call('namespaces.report', { complete: false, changed, removed: [] }));
        if (number % 2 === 0) continue;
        const removed = [`n${number}`];
        all.push(agent.call('namespaces.report', { complete: false, changed: [], removed }));
      }
      await Promise.all(all);
      const writes = (await counted()) - before;
      assert.ok(writes < 60, `${writes} writes`);
      assert.equal((await read<Cluster>(`${base}/${name}`)).namespaces, 125);
      await agent.leave();
    });

    test('shows the checklist, step by step', async () => {
      const { name, agent } = await connected();
      const stateOf = async () =>
        Object.fromEntries(
          (await read<Cluster>(`${base}/${name}`)).checks.map((check) => [check.name, check.state]),
        );
      assert.deepEqual(await stateOf(), {
        token: 'passed',
        tls: 'passed',
        identity: 'passed',
        rbac: 'waiting',
        inventory: 'waiting',
        'test-pull': 'waiting',
      });
      const problem = { message: 'The pod may not …', cure: 'kubectl …' };
      await agent.call('checks.report', {
        checks: [
          { name: 'rbac', state: 'failed', problem },
          { name: 'inventory', state: 'passed' },
        ],
      });
      await send('PATCH', `${base}/${name}`, { webhook: true });
      assert.deepEqual(await stateOf(), {
        token: 'passed',
        tls: 'passed',
        identity: 'passed',
        rbac: 'failed',
        inventory: 'passed',
        'test-pull': 'waiting',
        webhook: 'waiting',
      });
      await agent.leave();
    });
  });
}
