import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AgentIdentity, ClusterProof } from '#contract/agent.ts';
import { mostNamespaceLabels } from '#contract/agent.ts';
import type { Cluster, ClusterNamespace } from '#contract/clusters.ts';
import { Refusal, type RefusalKind } from '#lib/errors.ts';
import type { DatabaseSettings } from '#test/databases.ts';
import { waitFor } from '#test/processes.ts';
import { agentServer, base } from './agent-server.ts';
import { connectAgent, enrolled, makeCluster, type TestAgent } from './agents.ts';

/** What an agent that somebody took over may try, by an identity and proofs that are good. */
export function hostileAgentsSuite(database: string, settingsOf: DatabaseSettings): void {
  describe(`an agent that somebody took over, on ${database}`, () => {
    const place = agentServer(settingsOf);
    const { connected, read, send } = place;

    async function refused(call: Promise<unknown>, kind: RefusalKind, sentence: RegExp) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof Refusal, String(error));
        assert.equal(error.kind, kind, error.message);
        assert.match(error.message, sentence);
        return true;
      });
    }

    const node = (name: string) => ({
      name,
      addresses: [],
      architecture: 'amd64',
      operatingSystem: 'Debian',
      kubeletVersion: 'v1.36.3',
      runtime: 'containerd://2.4.2',
      distribution: 'kubeadm',
      trust: { state: 'trusted' },
      credentialProvider: { state: 'off' },
    });
    const namespace = (name: string, labels: object = {}) => ({ name, uid: `uid-${name}`, labels });
    const changes = (changed: readonly object[], removed: readonly string[] = []) => ({
      complete: false,
      changed,
      removed,
    });
    const namesOf = async (cluster: string) =>
      (await read<ClusterNamespace[]>(`${base}/${cluster}/namespaces`)).map(({ name }) => name);

    /** Raw, as JSON.stringify writes no key of that name. */
    function sendRaw({ socket }: TestAgent, id: number, method: string, parameters: string): void {
      socket.send(`{"id":${id},"method":"${method}","parameters":${parameters}}`);
    }

    const oddNames = [
      '',
      '.',
      '..',
      '../x',
      'a/b',
      'A',
      'a b',
      'a\n---\nkind: Secret',
      'a\u001b[2J',
      'ä',
      '__proto__',
      'constructor.prototype{}',
      '-a',
      'a-',
      'a'.repeat(254),
      'a'.repeat(65_536),
    ];
    test('reports nothing by names that Kubernetes has not', async () => {
      const { name, agent } = await connected();
      for (const odd of oddNames) {
        const reports: [string, object][] = [
          ['nodes.report', changes([node('good'), node(odd)])],
          ['nodes.report', changes([], [odd])],
          ['namespaces.report', changes([namespace('good'), namespace(odd)])],
          ['namespaces.report', { ...changes([]), complete: true, from: odd }],
          ['credentials.issue', { namespace: namespace(odd) }],
          ['credentials.placed', { namespace: odd, generation: 1 }],
        ];
        for (const [method, parameters] of reports) {
          await refused(agent.call(method, parameters), 'invalid', new RegExp(`^${method}: `));
        }
      }
      const { nodes, namespaces } = await read<Cluster>(`${base}/${name}`);
      assert.deepEqual([nodes, namespaces], [0, 0]);
      await agent.leave();
    });

    test('gets nothing by labels that every object seems to have', async () => {
      const { name, agent } = await connected();
      await send('POST', '/api/v2.0/projects', { project_name: name });
      for (const label of ['constructor', 'toString', 'hasOwnProperty']) {
        const selector = { kind: 'labels', labels: { [label]: 'x' } };
        await send('POST', `${base}/${name}/grants`, { project: name, selector });
      }
      await agent.call('namespaces.report', changes([namespace('plain')]));
      sendRaw(
        agent,
        90_001,
        'namespaces.report',
        '{"complete":false,"removed":[],"changed":[{"name":"odd","uid":"u","labels":{"__proto__":"x","constructor":"y"}}]}',
      );
      await waitFor(() => namesOf(name), {
        what: 'both namespaces',
        until: (names) => names.length === 2,
      });
      const listed = await read<ClusterNamespace[]>(`${base}/${name}/namespaces`);
      assert.deepEqual(
        listed.map(({ projects }) => projects),
        [[], []],
      );
      for (const wanted of ['plain', 'odd']) {
        await refused(
          agent.call('credentials.issue', { namespace: namespace(wanted) }),
          'denied',
          /berth cluster grant/,
        );
      }
      await agent.leave();
    });

    test('has nothing granted to the namespaces of Kubernetes by what it says of them', async () => {
      const { name, agent } = await connected();
      await send('POST', '/api/v2.0/projects', { project_name: name });
      for (const selector of [{ kind: 'all' }, { kind: 'labels', labels: { tier: 'web' } }]) {
        await send('POST', `${base}/${name}/grants`, { project: name, selector });
      }
      for (const reserved of ['kube-system', 'kube-public', 'kube-node-lease', 'berth']) {
        const asked = { namespace: namespace(reserved, { tier: 'web' }) };
        await refused(agent.call('credentials.issue', asked), 'denied', /Nothing is granted/);
      }
      await agent.leave();
    });

    test('keeps no more than a cluster can have', async () => {
      const { name, agent } = await connected();
      const labels = Object.fromEntries(
        Array.from({ length: mostNamespaceLabels + 1 }, (_, index) => [`l${index}`, 'x']),
      );
      await refused(
        agent.call('namespaces.report', changes([namespace('many', labels)])),
        'invalid',
        /labels/,
      );
      await send('POST', '/api/v2.0/projects', { project_name: name });
      await send('POST', `${base}/${name}/grants`, { project: name, selector: { kind: 'all' } });
      for (let part = 0; part < 20; part += 1) {
        const made = Array.from({ length: 1_000 }, (_, index) => namespace(`n${part}-${index}`));
        await agent.call('namespaces.report', changes(made));
      }
      const most = /at most 20000 namespaces/;
      const more = namespace('one-more');
      await refused(agent.call('namespaces.report', changes([more])), 'too-large', most);
      await refused(agent.call('credentials.issue', { namespace: more }), 'too-large', most);
      await agent.call('credentials.issue', { namespace: namespace('n0-0') });
      assert.equal((await read<Cluster>(`${base}/${name}`)).namespaces, 20_000);
      await agent.leave();
    });

    test('says that credentials are in place which there cannot be, and changes nothing', async () => {
      const { agent } = await connected();
      for (const generation of [-1, 1e300, 2 ** 60, 0.5, '1', null]) {
        const placed = { namespace: 'web', generation };
        await refused(agent.call('credentials.placed', placed), 'invalid', /generation/);
      }
      const placed = { namespace: 'web', generation: Number.MAX_SAFE_INTEGER };
      await refused(agent.call('credentials.placed', placed), 'not-found', /no credential/);
      await agent.leave();
    });

    test('answers what nobody asked, and twice', async () => {
      const { name, agent } = await connected();
      for (const id of [0, -1, 1, 2, Number.MAX_SAFE_INTEGER]) {
        for (const result of [{}, null, { authenticated: true }]) {
          agent.socket.send(JSON.stringify({ id, result }));
        }
        agent.socket.send(JSON.stringify({ id, error: { kind: 'denied', message: 'no' } }));
      }
      await agent.call('namespaces.report', changes([namespace('web')]));
      assert.deepEqual(await namesOf(name), ['web']);
      await agent.leave();
    });

    test('renews and proves itself again and again, and is held up before it costs others', async () => {
      const { name, cluster, agent } = await connected();
      const outcomes = await Promise.allSettled([
        ...Array.from({ length: 30 }, () => agent.call('identity.renew', {})),
        ...Array.from({ length: 30 }, async () =>
          agent.call('cluster.prove', await cluster.proof()),
        ),
      ]);
      const reasons = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason as Refusal] : [],
      );
      assert.ok(reasons.length >= 35 && reasons.length <= 40, String(reasons.length));
      for (const { kind } of reasons) assert.equal(kind, 'too-many-requests');
      const identities = outcomes.flatMap((outcome) =>
        outcome.status === 'fulfilled' && 'secret' in (outcome.value as object)
          ? [outcome.value as AgentIdentity]
          : [],
      );
      const secret = identities.at(-1)?.secret ?? '';
      const back = await connectAgent(place.server, { secret, proof: await cluster.token() });
      assert.equal((await read<Cluster>(`${base}/${name}`)).state, 'connected');
      await back.leave();
    });

    test('brings the keys of another cluster, however they are written, and owns none', async () => {
      const { name, agent, cluster } = await connected();
      const other = await makeCluster('RS256');
      const { n = '', e = '' } = other.jwk;
      const padded = Buffer.concat([Buffer.alloc(3), Buffer.from(n, 'base64url')]);
      const written = [
        { ...other.jwk, n: padded.toString('base64url') },
        { ...other.jwk, e: Buffer.from(`000000${hex(e)}`, 'hex').toString('base64url') },
        { ...other.jwk, n: Buffer.from(n, 'base64url').toString('base64') },
      ];
      const { secret } = await enrolled(place.server, 'victim', other);
      for (const key of written) {
        const keys = [cluster.jwk, key] as ClusterProof['keys'];
        await agent.call('cluster.prove', await cluster.proof({ keys }));
        const forged = await cluster.proof({ keys, serviceAccountToken: await other.token() });
        await refused(agent.call('cluster.prove', forged), 'conflict', /the same key/);
      }
      const victim = await connectAgent(place.server, { secret, proof: await other.token() });
      await assert.rejects(
        connectAgent(place.server, { secret, proof: await cluster.token() }),
        /^Error: 401 .*no key of the cluster/,
      );
      assert.equal((await read<Cluster>(`${base}/${name}`)).state, 'connected');
      await Promise.all([agent.leave(), victim.leave()]);
    });

    const floods: [string, (agent: TestAgent) => void][] = [
      [
        'pings at once, each of which is answered',
        ({ socket }) => {
          for (let count = 0; count < 7_000; count += 1) socket.ping('x'.repeat(125));
        },
      ],
      [
        'one message in a thousand pieces',
        ({ socket }) => {
          for (let count = 0; count < 1_000; count += 1) socket.send('"', { fin: false });
        },
      ],
    ];
    for (const [what, bring] of floods) {
      test(`is cut off when it brings ${what}, and may come back`, async () => {
        const { agent, identity, cluster } = await connected();
        bring(agent);
        const { code } = await agent.closed;
        assert.ok(code === 1006 || code === 1008, String(code));
        const proof = await cluster.token();
        const back = await connectAgent(place.server, { secret: identity.secret, proof });
        await back.leave();
      });
    }

    test('brings what looks like U+0000 and is not, and stays', async () => {
      const { name, agent } = await connected();
      const detail = 'pull of "a\\u0000b" failed: \\\\u0000';
      const checks = [
        { name: 'test-pull', state: 'failed', problem: { message: detail, cure: '' } },
      ];
      await agent.call('checks.report', { checks });
      const { checks: shown } = await read<Cluster>(`${base}/${name}`);
      const problem = shown.find((check) => check.name === 'test-pull')?.problem;
      assert.equal(problem?.message, detail);
      agent.socket.send('{"id":1,"method":"checks.report","parameters":{"checks":"\\\\\\u0000"}}');
      const { code } = await agent.closed;
      assert.equal(code, 1007);
    });

    test('opens no connection that is none, and takes no place by it', async () => {
      const { name, cluster, identity, agent } = await connected();
      const reply = await place.server.request('/api/v2.0/agent/connection', {
        token: identity.secret,
        headers: { 'berth-cluster-proof': await cluster.token() },
      });
      assert.equal(reply.status, 400);
      await agent.call('namespaces.report', changes([namespace('web')]));
      assert.deepEqual(await namesOf(name), ['web']);
      await agent.leave();
    });
  });
}

function hex(base64url: string): string {
  return Buffer.from(base64url, 'base64url').toString('hex');
}
