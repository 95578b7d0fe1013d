import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { AwaitedNode, DesiredState } from '#contract/agent.ts';
import type { Cluster } from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import { type Reply, startServer, type TestServer } from '#test/server.ts';
import { connectAgent, enrolled, makeCluster, offer, type TestAgent } from './agents.ts';

const base = '/api/v2.0/clusters';
const json = { 'content-type': 'application/json' };
const node: AwaitedNode = { name: 'a', problem: { message: 'It is named.', cure: 'Take it out.' } };

/** What becomes of a cluster whose nodes are waited for, on any database. */
export function disconnectionSuite(
  database: string,
  settingsOf: () => Promise<{ readonly databaseUrl?: string }>,
): void {
  describe(`a disconnection that waits for nodes, on ${database}`, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(await settingsOf());
    });
    after(() => server.stop());

    async function connected() {
      const name = `c${randomUUID().slice(0, 8)}`;
      const cluster = await makeCluster();
      const { secret } = await enrolled(server, name, cluster, { webhook: true });
      /** What it was told, in order. */
      const told: [string, unknown][] = [];
      const hear = (method: string) => async (parameters: unknown) => {
        told.push([method, parameters]);
        return {};
      };
      const come = async (): Promise<TestAgent> =>
        connectAgent(server, {
          secret,
          proof: await cluster.token(),
          answers: { 'state.set': hear('state.set'), 'cluster.remove': hear('cluster.remove') },
        });
      return { name, told, come, agent: await come() };
    }
    type Connected = Awaited<ReturnType<typeof connected>>;

    function send(method: string, path: string, body?: object): Promise<Reply> {
      return server.request(path, {
        method,
        as: server.admin,
        ...(body !== undefined && { headers: json, body: JSON.stringify(body) }),
      });
    }

    async function read<Body>(path: string): Promise<Body> {
      const reply = await send('GET', path);
      assert.equal(reply.status, 200, reply.body.toString());
      return reply.json() as Body;
    }

    const isTold = ({ told }: Connected, method: string, parameters?: object) =>
      waitFor(() => Promise.resolve(told), {
        what: `the agent to be told ${method}`,
        until: (list) =>
          list.some(
            ([name, given]) =>
              name === method &&
              (parameters === undefined || JSON.stringify(given) === JSON.stringify(parameters)),
          ),
      });

    /** Disconnects it, by an agent that says that it waits for nodes. */
    async function leave(one: Connected, nodes = [node], left: string[] = []): Promise<Reply> {
      const disconnection = send('DELETE', `${base}/${one.name}`);
      await isTold(one, 'cluster.remove');
      await one.agent.call('cluster.waits', { left, nodes });
      return disconnection;
    }

    const isForgotten = ({ name }: Connected) =>
      waitFor(() => send('GET', `${base}/${name}`), {
        what: 'the cluster to be forgotten',
        until: ({ status }) => status === 404,
      });

    test('tells which, in its answer and in the cluster, and takes what is granted away at once', async () => {
      const one = await connected();
      const { name } = one;
      await send('POST', '/api/v2.0/projects', { project_name: name });
      await send('POST', `${base}/${name}/grants`, { project: name, selector: { kind: 'all' } });
      await send('POST', `/api/v2.0/projects/${name}/members`, {
        role_id: 3,
        member_workload: { name: `${name}/shop/*` },
      });
      const members = `/api/v2.0/projects/${name}/members`;
      const before = (await read<unknown[]>(members)).length;
      const reply = await leave(one, [node], ['A Secret is left.']);
      assert.equal(reply.status, 202);
      const disconnection = { done: false, left: ['A Secret is left.'], waits_for: [node] };
      assert.deepEqual(reply.json(), disconnection);
      const cluster = await read<Cluster>(`${base}/${name}`);
      assert.equal(cluster.state, 'disconnecting');
      assert.deepEqual(cluster.disconnection, disconnection);
      assert.deepEqual(
        cluster.checks.map((check) => [check.name, check.state]),
        [['tls', 'passed']],
      );
      assert.deepEqual(await read(`${base}/${name}/grants`), []);
      assert.equal((await read<unknown[]>(members)).length, before - 1);
      const again = await send('DELETE', `${base}/${name}`);
      assert.deepEqual([again.status, again.json()], [202, disconnection]);
      await one.agent.leave();
    });

    test('ends by itself, and the cluster is forgotten', async () => {
      const one = await connected();
      await leave(one);
      await one.agent.call('cluster.waits', { left: [], nodes: [] });
      await one.agent.call('cluster.removed', { left: [] });
      await isForgotten(one);
      assert.match((await one.agent.closed).reason, /disconnected/);
    });

    test('ends by itself with what was left, which is kept for whoever asks', async () => {
      const one = await connected();
      await leave(one);
      const left = ['The node b was away.'];
      await one.agent.call('cluster.removed', { left });
      // Too late, as after a connection that was lost.
      await one.agent.call('cluster.waits', { left: [], nodes: [node] });
      await one.agent.leave();
      const done = { done: true, left, waits_for: [] };
      assert.deepEqual((await read<Cluster>(`${base}/${one.name}`)).disconnection, done);
      const reply = await send('DELETE', `${base}/${one.name}`);
      assert.deepEqual([reply.status, reply.json()], [200, done]);
      await isForgotten(one);
    });

    test('goes on with an agent that starts anew, which is told what nodes trust meanwhile', async () => {
      const one = await connected();
      await leave(one);
      await one.agent.leave();
      one.told.length = 0;
      const agent = await one.come();
      await isTold(one, 'cluster.remove', {});
      const [[method, state] = []] = one.told;
      assert.equal(method, 'state.set');
      const { cluster, registry, nodes, pullSecrets } = state as DesiredState;
      assert.equal(cluster, one.name);
      assert.ok(registry.authorities?.includes('CERTIFICATE'));
      assert.equal(nodes.credentialProvider, 'off');
      assert.deepEqual(pullSecrets, { selectors: [], webhook: false });
      await agent.call('cluster.removed', { left: [] });
      await isForgotten(one);
    });

    test('waits for none where the provider is to be left, and tells what that leaves', async () => {
      const one = await connected();
      await leave(one);
      const hasty = send('DELETE', `${base}/${one.name}?leave_provider=true`);
      await isTold(one, 'cluster.remove', { leaveProvider: true });
      const left = ['The kubelet of a still runs it.'];
      await one.agent.call('cluster.removed', { left });
      const reply = await hasty;
      assert.deepEqual([reply.status, reply.json()], [200, { done: true, left, waits_for: [] }]);
      await isForgotten(one);
    });

    test('needs its agent, and ends without it by force alone', async () => {
      const one = await connected();
      await leave(one);
      await one.agent.leave();
      await waitFor(() => send('DELETE', `${base}/${one.name}?leave_provider=true`), {
        what: 'the agent to be away',
        until: ({ status, body }) => status === 412 && /--force/.test(String(body)),
      });
      assert.equal((await send('DELETE', `${base}/${one.name}?force=true`)).status, 200);
      await isForgotten(one);
    });

    test('lets nobody connect by its name before it has ended', async () => {
      const one = await connected();
      await leave(one);
      const refused = await offer(server, one.name);
      assert.equal(refused.status, 409);
      assert.match(String(refused.body), new RegExp(`disconnect ${one.name} --leave-provider`));
      await one.agent.call('cluster.removed', { left: ['The node b was away.'] });
      assert.equal((await offer(server, one.name)).status, 201);
      const cluster = await read<Cluster>(`${base}/${one.name}`);
      assert.deepEqual([cluster.state, cluster.disconnection], ['waiting', undefined]);
    });

    test('is nothing that an agent can begin, or say nonsense of', async () => {
      const one = await connected();
      await one.agent.call('cluster.waits', { left: [], nodes: [node] });
      assert.equal((await read<Cluster>(`${base}/${one.name}`)).state, 'connected');
      for (const nonsense of [
        {},
        { left: [], nodes: [{ name: 'a' }] },
        { left: [], nodes: Array(1_001).fill(node) },
      ]) {
        await assert.rejects(one.agent.call('cluster.waits', nonsense), /cluster\.waits/);
      }
      await one.agent.leave();
    });
  });
}
