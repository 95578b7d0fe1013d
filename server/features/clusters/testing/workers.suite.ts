import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { AgentIdentity } from '#contract/agent.ts';
import type { Cluster } from '#contract/clusters.ts';
import type { DatabaseSettings } from '#test/databases.ts';
import { type Pinned, type PinnedReply, pinToEach } from '#test/pinned.ts';
import { waitFor } from '#test/processes.ts';
import {
  childrenOf,
  servedPassword as password,
  type Served,
  servedForTests,
} from '#test/served.ts';
import { makeCluster, openAgent, type TestCluster } from './agents.ts';

const base = '/api/v2.0/clusters';
const json = { 'content-type': 'application/json' };
const as = `admin:${password}`;

/** What two workers of a server do together for the agents that either of them holds. */
export function workersSuite(database: string, settingsOf: DatabaseSettings): void {
  describe(`agents of a server of two workers, on ${database}`, () => {
    const servers = servedForTests();
    let server: Served;
    let port: number;
    let workers: Pinned[];
    let cluster: TestCluster;
    let identity: AgentIdentity;

    async function body<Body>(reply: Promise<PinnedReply>): Promise<Body> {
      const { status, body: bytes } = await reply;
      assert.ok(status >= 200 && status < 300, `${status} ${bytes}`);
      return JSON.parse(String(bytes)) as Body;
    }

    const read = (worker: Pinned) => body<Cluster>(worker.send(`${base}/prod`, { as }));

    const stateIs = (state: Cluster['state'], worker: Pinned) =>
      waitFor(() => read(worker), {
        what: `the state ${state}`,
        until: (seen) => seen.state === state,
      });

    before(async () => {
      const { databaseUrl } = await settingsOf();
      server = servers.start({
        BERTH_WORKERS: '2',
        BERTH_LOG_LEVEL: 'error',
        BERTH_URL: 'https://localhost:0',
        ...(databaseUrl !== undefined && { BERTH_DATABASE_URL: databaseUrl }),
      });
      const [, printed] = await server.prints(/\(port (\d+), data in /);
      port = Number(printed);
      workers = await pinToEach(port, childrenOf(server.pid));
      const [one] = workers as [Pinned];
      cluster = await makeCluster();
      const { token } = await body<{ token: string }>(
        one.send(base, { method: 'POST', as, headers: json, body: '{"name":"prod"}' }),
      );
      identity = await body<AgentIdentity>(
        one.send('/api/v2.0/agent/enrolments', {
          method: 'POST',
          headers: { ...json, authorization: `Bearer ${token}` },
          body: JSON.stringify({ proof: await cluster.proof() }),
        }),
      );
    });
    after(async () => {
      for (const worker of workers ?? []) worker.close();
      const { stderr } = await server.stop();
      await servers.end();
      assert.equal(stderr, '');
    });

    const connect = async (answers: Parameters<typeof openAgent>[1]['answers'] = {}) =>
      openAgent(`ws://127.0.0.1:${port}`, {
        secret: identity.secret,
        proof: await cluster.token(),
        answers,
      });

    test('are asked by either, whichever holds the connection', async () => {
      let asked = 0;
      const agent = await connect({
        'pull.test': async () => {
          asked += 1;
          return {};
        },
      });
      for (const worker of workers) {
        await stateIs('connected', worker);
        const begun = performance.now();
        const reply = await worker.send(`${base}/prod/test-pulls`, { method: 'POST', as });
        assert.equal(reply.status, 202, String(reply.body));
        assert.ok(performance.now() - begun < 10_000);
      }
      assert.equal(asked, 2);
      await agent.leave();
      for (const worker of workers) await stateIs('away', worker);
    });

    test('are told of what was changed at either', async () => {
      const told: unknown[] = [];
      const agent = await connect({
        'state.set': async (state) => {
          told.push((state as { nodes: { setConfigPath: boolean } }).nodes.setConfigPath);
          return {};
        },
      });
      let wanted = false;
      for (const worker of workers) {
        wanted = !wanted;
        await body(
          worker.send(`${base}/prod`, {
            method: 'PATCH',
            as,
            headers: json,
            body: JSON.stringify({ set_config_path: wanted }),
          }),
        );
        await waitFor(async () => told.at(-1), {
          what: 'the change to be told',
          until: (last) => last === wanted,
        });
      }
      await agent.leave();
    });

    test('are taken over between workers', async () => {
      const agents = [await connect()];
      // One of two connections at least goes to another process, sooner or later.
      for (let turn = 0; turn < 8; turn += 1) {
        const before = agents.at(-1);
        agents.push(await connect());
        assert.match((await before?.closed)?.reason ?? '', /newer connection/);
      }
      for (const worker of workers) await stateIs('connected', worker);
      await agents.at(-1)?.leave();
      for (const worker of workers) await stateIs('away', worker);
    });
  });
}
