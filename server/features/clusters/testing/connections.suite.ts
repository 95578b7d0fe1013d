import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { AgentIdentity, DesiredState, NamespaceReport } from '#contract/agent.ts';
import type { Cluster, ClusterNamespace, ClusterNode } from '#contract/clusters.ts';
import { Refusal } from '#lib/errors.ts';
import { waitFor } from '#test/processes.ts';
import { type Reply, startServer, type TestServer } from '#test/server.ts';
import { connectAgent, enrolled, makeCluster, type TestAgent, type TestCluster } from './agents.ts';

const base = '/api/v2.0/clusters';
const json = { 'content-type': 'application/json' };

/** The promises of agents' connections, on any database. */
export function connectionsSuite(
  database: string,
  settingsOf: () => Promise<{ readonly databaseUrl?: string }>,
): void {
  describe(`the connection of an agent, on ${database}`, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(await settingsOf());
    });
    after(() => server.stop());

    interface Connected {
      readonly name: string;
      readonly cluster: TestCluster;
      readonly identity: AgentIdentity;
      readonly agent: TestAgent;
      /** What it was told to bring about, the last at the end. */
      readonly states: DesiredState[];
    }

    async function connected(answers: Parameters<typeof connectAgent>[1]['answers'] = {}) {
      const name = `c${randomUUID().slice(0, 8)}`;
      const cluster = await makeCluster();
      const identity = await enrolled(server, name, cluster);
      const states: DesiredState[] = [];
      const agent = await connectAgent(server, {
        secret: identity.secret,
        proof: await cluster.token(),
        answers: {
          'state.set': async (state) => {
            states.push(state as DesiredState);
            return {};
          },
          ...answers,
        },
      });
      return { name, cluster, identity, agent, states } satisfies Connected;
    }

    function send(method: string, path: string, body?: object): Promise<Reply> {
      return server.request(path, {
        method,
        as: server.admin,
        ...(body !== undefined && { headers: json, body: JSON.stringify(body) }),
      });
    }

    async function read<Body>(path: string): Promise<Body> {
      const reply = await server.request(path, { as: server.admin });
      assert.equal(reply.status, 200, reply.body.toString());
      return reply.json() as Body;
    }

    const until = <Value>(look: () => Value, wanted: (value: Value) => boolean, what: string) =>
      waitFor(async () => look(), { what, until: wanted });

    const namespace = (name: string, labels: Record<string, string> = {}): NamespaceReport => ({
      name,
      uid: `uid-${name}`,
      labels,
    });

    test('is told what to bring about, and within a second of each change', async () => {
      const { name, agent, states } = await connected();
      await until(
        () => states.length,
        (count) => count === 1,
        'the first state',
      );
      assert.deepEqual(states[0]?.pullSecrets, { selectors: [], webhook: false });
      await send('POST', '/api/v2.0/projects', { project_name: name });
      const changes: [() => Promise<Reply>, (state: DesiredState | undefined) => boolean][] = [
        [
          () => send('PATCH', `${base}/${name}`, { set_config_path: true }),
          (state) => state?.nodes.setConfigPath === true,
        ],
        [
          () =>
            send('POST', `${base}/${name}/grants`, {
              project: name,
              selector: { kind: 'labels', labels: { tier: 'web' } },
            }),
          (state) => state?.pullSecrets.selectors[0]?.kind === 'labels',
        ],
        [
          () =>
            send('POST', `/api/v2.0/projects/${name}/members`, {
              role_id: 3,
              member_workload: { name: `${name}/shop/*` },
            }),
          (state) => state?.pullSecrets.selectors.length === 2,
        ],
        [
          () => send('PATCH', `${base}/${name}`, { pull_secrets: false }),
          (state) => state?.pullSecrets.selectors.length === 0,
        ],
      ];
      for (const [change, isTold] of changes) {
        const { status, body } = await change();
        assert.ok(status < 300, `${status} ${body}`);
        const changedAt = performance.now();
        await until(() => states.at(-1), isTold, 'the changed state');
        const took = performance.now() - changedAt;
        assert.ok(took < 15_000, `${took} ms`);
      }
      for (const [index, { revision }] of states.entries()) {
        assert.notEqual(revision, states[index + 1]?.revision);
      }
      await agent.leave();
    });

    test('is opened by an identity and the proof of its cluster together, and by nothing less', async () => {
      const { name, cluster, identity, agent } = await connected();
      await agent.leave();
      const other = await makeCluster();
      const stranger = await enrolled(server, `${name}-b`, other);
      const { secret } = identity;
      const attempts: [string, string | undefined, RegExp][] = [
        ['berth_agent_x', await cluster.token(), /does not know this agent/],
        [`${secret.slice(0, -1)}_`, await cluster.token(), /does not know this agent/],
        [secret, undefined, /shows no ServiceAccount token/],
        [secret, 'nonsense', /no JSON Web Token/],
        [secret, await other.token(), /no key of the cluster.*cluster connect/],
        [stranger.secret, await cluster.token(), /no key of the cluster/],
        [secret, await cluster.token({ aud: ['localhost:0'] }), /is not for berth-agent/],
        [secret, await cluster.token({ exp: Math.floor(Date.now() / 1000) - 90 }), /has expired/],
        [secret, 'x'.repeat(9_000), /shows no ServiceAccount token/],
      ];
      for (const [given, proof, sentence] of attempts) {
        await assert.rejects(connectAgent(server, { secret: given, proof }), (error) => {
          assert.match(String(error), /Error: 401 \{"errors":\[\{"code":"UNAUTHORIZED"/);
          assert.match(String(error), sentence);
          return true;
        });
      }
      assert.equal((await read<Cluster>(`${base}/${name}`)).state, 'away');
      const back = await connectAgent(server, { secret, proof: await cluster.token() });
      assert.equal((await read<Cluster>(`${base}/${name}`)).state, 'connected');
      await back.leave();
    });

    test('is taken over by a newer one', async () => {
      const { name, cluster, identity, agent } = await connected();
      const newer = await connectAgent(server, {
        secret: identity.secret,
        proof: await cluster.token(),
      });
      const { code, reason } = await agent.closed;
      assert.equal(code, 1008);
      assert.match(reason, /newer connection/);
      await newer.call('nodes.report', { complete: true, changed: [], removed: [] });
      assert.equal((await read<Cluster>(`${base}/${name}`)).state, 'connected');
      await newer.leave();
    });

    test('gets a new identity, whose first use ends the one before', async () => {
      const { name, cluster, identity, agent } = await connected();
      const first = (await agent.call('identity.renew', {})) as AgentIdentity;
      const renewed = (await agent.call('identity.renew', {})) as AgentIdentity;
      assert.equal(renewed.cluster, name);
      const proof = await cluster.token();
      await assert.rejects(connectAgent(server, { secret: first.secret, proof }), /401/);
      const same = await connectAgent(server, { secret: identity.secret, proof });
      const next = await connectAgent(server, { secret: renewed.secret, proof });
      await same.closed;
      await assert.rejects(connectAgent(server, { secret: identity.secret, proof }), /401/);
      await next.leave();
    });

    test('refuses nonsense, and goes on where it can', async () => {
      const { agent } = await connected();
      const bad: [string, unknown, RegExp][] = [
        ['namespaces.report', {}, /namespaces\.report: the whole must have required properties/],
        [
          'namespaces.report',
          { complete: true, changed: [{ name: 7 }], removed: [] },
          /changed\.0/,
        ],
        [
          'nodes.report',
          { complete: true, changed: Array(1_001).fill({}), removed: [] },
          /changed/,
        ],
        ['checks.report', { checks: [{ name: 'other', state: 'passed' }] }, /checks\.0/],
        ['credentials.issue', null, /credentials\.issue/],
        ['cluster.prove', [], /cluster\.prove/],
        ['cluster.remove', {}, /There is no method cluster\.remove here/],
        ['__proto__', {}, /There is no method/],
        ['constructor', {}, /There is no method/],
      ];
      for (const [method, parameters, sentence] of bad) {
        await assert.rejects(agent.call(method, parameters), (error) => {
          assert.ok(error instanceof Refusal);
          assert.match(error.message, sentence);
          return true;
        });
      }
      await agent.call('namespaces.report', { complete: true, changed: [], removed: [] });
      await agent.leave();
    });

    const fatal: [string, (agent: TestAgent) => void, number, RegExp][] = [
      ['text that is no JSON', ({ socket }) => socket.send('{'), 1007, /none of this protocol/],
      ['JSON that is no message', ({ socket }) => socket.send('[1]'), 1007, /none of this/],
      ['bytes', ({ socket }) => socket.send(Buffer.from('{"id":1}')), 1007, /none of this/],
      [
        'U+0000',
        ({ socket }) => socket.send('{"id":1,"method":"x","parameters":"\\u0000"}'),
        1007,
        /U\+0000/,
      ],
      ['a message of 5 MB', ({ socket }) => socket.send('x'.repeat(5e6)), 1009, /^$/],
      [
        'more calls at once than are answered',
        ({ socket }) => {
          for (let id = 1; id < 400; id += 1) {
            socket.send(JSON.stringify({ id, method: 'identity.renew', parameters: {} }));
          }
        },
        1008,
        /More than 256 calls/,
      ],
      [
        'a flood',
        ({ socket }) => {
          for (let id = 1; id < 7_000; id += 1) socket.send(JSON.stringify({ id, result: {} }));
        },
        1008,
        /sends more than this server takes/,
      ],
    ];
    for (const [what, bring, expected, sentence] of fatal) {
      test(`ends when it brings ${what}, and says why`, async () => {
        const { name, cluster, identity, agent } = await connected();
        bring(agent);
        const { code, reason } = await agent.closed;
        assert.equal(code, expected, reason);
        assert.match(reason, sentence);
        const back = await connectAgent(server, {
          secret: identity.secret,
          proof: await cluster.token(),
        });
        assert.equal((await read<Cluster>(`${base}/${name}`)).state, 'connected');
        await back.leave();
      });
    }

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
        const text = String((await server.request('/metrics', { as: server.admin })).body);
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

    test('carries what people ask of the cluster, and the sentence where it cannot be', async () => {
      const asked: [string, unknown][] = [];
      const note = (method: string) => async (parameters: unknown) => {
        asked.push([method, parameters]);
        return {};
      };
      const { name, agent } = await connected({
        'pull.test': note('pull.test'),
        'credentials.rotate': note('credentials.rotate'),
      });
      const pull = await send('POST', `${base}/${name}/test-pulls`);
      assert.equal(pull.status, 202, pull.body.toString());
      const rotation = { namespace: 'web' };
      assert.equal(
        (await send('POST', `${base}/${name}/credential-rotations`, rotation)).status,
        202,
      );
      assert.deepEqual(asked, [
        ['pull.test', {}],
        ['credentials.rotate', { namespace: 'web' }],
      ]);
      await agent.leave();
      await waitFor(() => read<Cluster>(`${base}/${name}`), {
        what: 'the agent to be away',
        until: ({ state }) => state === 'away',
      });
      const late = await send('POST', `${base}/${name}/test-pulls`);
      assert.equal(late.status, 412);
      assert.match(String(late.body), /not connected: berth cluster status/);
    });

    test('is the way by which a cluster is disconnected, with what is left', async () => {
      let removing = 0;
      const { name, cluster, identity, agent } = await connected({
        'cluster.remove': async () => {
          removing += 1;
          return {};
        },
      });
      const left = ['The kubelet of n1 still names the provider: take its flags away.'];
      const disconnection = send('DELETE', `${base}/${name}`);
      await until(
        () => removing,
        (count) => count > 0,
        'the agent to be asked',
      );
      assert.equal((await read<Cluster>(`${base}/${name}`)).state, 'disconnecting');
      assert.equal((await send('PATCH', `${base}/${name}`, {})).status, 409);
      await agent.call('cluster.removed', { left });
      const reply = await disconnection;
      assert.equal(reply.status, 200);
      assert.deepEqual(reply.json(), { done: true, left });
      assert.match((await agent.closed).reason, /disconnected/);
      assert.equal((await send('GET', `${base}/${name}`)).status, 404);
      await assert.rejects(
        connectAgent(server, { secret: identity.secret, proof: await cluster.token() }),
        /401 .*kubectl delete namespace berth/,
      );
    });

    test('is needed to disconnect a cluster, unless it is forgotten by force', async () => {
      const { name, agent } = await connected();
      await agent.call('cluster.removed', { left: [] });
      assert.notEqual((await read<Cluster>(`${base}/${name}`)).state, 'disconnecting');
      await agent.leave();
      await waitFor(() => read<Cluster>(`${base}/${name}`), {
        what: 'the agent to be away',
        until: ({ state }) => state === 'away',
      });
      const refused = await send('DELETE', `${base}/${name}`);
      assert.equal(refused.status, 412);
      assert.match(String(refused.body), /disconnect .* --force/);
      const forced = await send('DELETE', `${base}/${name}?force=true`);
      assert.equal(forced.status, 200);
      assert.match(String(forced.body), /kubectl delete namespace berth/);
      assert.equal((await send('GET', `${base}/${name}`)).status, 404);
    });
  });

  test(`an agent is told that its server stops, on ${database}`, async () => {
    const settings = { ...(await settingsOf()) };
    const server = await startServer(settings);
    const cluster = await makeCluster();
    const { secret } = await enrolled(server, 'prod', cluster);
    const agent = await connectAgent(server, { secret, proof: await cluster.token() });
    const begun = performance.now();
    const [{ code, reason }] = await Promise.all([agent.closed, server.stop()]);
    assert.equal(code, 1001);
    assert.match(reason, /stopping/);
    assert.ok(performance.now() - begun < 20_000);
  });
}
