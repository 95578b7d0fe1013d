import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DesiredState } from '#contract/agent.ts';
import type { Cluster } from '#contract/clusters.ts';
import type { DatabaseSettings } from '#test/databases.ts';
import { waitFor } from '#test/processes.ts';
import type { Reply } from '#test/server.ts';
import { agentServer, base } from './agent-server.ts';
import { connectAgent } from './agents.ts';

/** The promises of what agents are asked to do, on any database. */
export function agentRequestsSuite(database: string, settingsOf: DatabaseSettings): void {
  describe(`the connection of an agent, on ${database}`, () => {
    const agents = agentServer(settingsOf);
    const { connected, read, send, isAway } = agents;

    const until = <Value>(look: () => Value, wanted: (value: Value) => boolean, what: string) =>
      waitFor(async () => look(), { what, until: wanted });

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
      await isAway(name);
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
      assert.deepEqual(reply.json(), { done: true, left, waits_for: [] });
      assert.match((await agent.closed).reason, /disconnected/);
      assert.equal((await send('GET', `${base}/${name}`)).status, 404);
      await assert.rejects(
        connectAgent(agents.server, { secret: identity.secret, proof: await cluster.token() }),
        /401 .*kubectl delete namespace berth/,
      );
    });

    test('is needed to disconnect a cluster, unless it is forgotten by force', async () => {
      const { name, agent } = await connected();
      await agent.call('cluster.removed', { left: [] });
      assert.notEqual((await read<Cluster>(`${base}/${name}`)).state, 'disconnecting');
      await agent.leave();
      await isAway(name);
      const refused = await send('DELETE', `${base}/${name}`);
      assert.equal(refused.status, 412);
      assert.match(String(refused.body), /disconnect .* --force/);
      const forced = await send('DELETE', `${base}/${name}?force=true`);
      assert.equal(forced.status, 200);
      assert.match(String(forced.body), /kubectl delete namespace berth/);
      assert.equal((await send('GET', `${base}/${name}`)).status, 404);
    });
  });
}
