import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AgentIdentity } from '#contract/agent.ts';
import type { Cluster } from '#contract/clusters.ts';
import { Refusal } from '#lib/errors.ts';
import type { DatabaseSettings } from '#test/databases.ts';
import { startServer } from '#test/server.ts';
import { agentServer, base } from './agent-server.ts';
import { connectAgent, enrolled, makeCluster, type TestAgent } from './agents.ts';

/** The promises of how agents connect and stay connected, on any database. */
export function connectionsSuite(database: string, settingsOf: DatabaseSettings): void {
  describe(`the connection of an agent, on ${database}`, () => {
    const agents = agentServer(settingsOf);
    const { connected, read } = agents;

    test('is opened by an identity and the proof of its cluster together, and by nothing less', async () => {
      const { name, cluster, identity, agent } = await connected();
      await agent.leave();
      const other = await makeCluster();
      const stranger = await enrolled(agents.server, `${name}-b`, other);
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
        await assert.rejects(connectAgent(agents.server, { secret: given, proof }), (error) => {
          assert.match(String(error), /Error: 401 \{"errors":\[\{"code":"UNAUTHORIZED"/);
          assert.match(String(error), sentence);
          return true;
        });
      }
      assert.equal((await read<Cluster>(`${base}/${name}`)).state, 'away');
      const back = await connectAgent(agents.server, { secret, proof: await cluster.token() });
      assert.equal((await read<Cluster>(`${base}/${name}`)).state, 'connected');
      await back.leave();
    });

    test('is taken over by a newer one', async () => {
      const { name, cluster, identity, agent } = await connected();
      const newer = await connectAgent(agents.server, {
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
      await assert.rejects(connectAgent(agents.server, { secret: first.secret, proof }), /401/);
      const same = await connectAgent(agents.server, { secret: identity.secret, proof });
      const next = await connectAgent(agents.server, { secret: renewed.secret, proof });
      await same.closed;
      await assert.rejects(connectAgent(agents.server, { secret: identity.secret, proof }), /401/);
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
            const parameters = { checks: [] };
            socket.send(JSON.stringify({ id, method: 'checks.report', parameters }));
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
        const back = await connectAgent(agents.server, {
          secret: identity.secret,
          proof: await cluster.token(),
        });
        assert.equal((await read<Cluster>(`${base}/${name}`)).state, 'connected');
        await back.leave();
      });
    }
  });

  test(`an agent is told that its server stops, on ${database}`, async () => {
    const server = await startServer(await settingsOf());
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
