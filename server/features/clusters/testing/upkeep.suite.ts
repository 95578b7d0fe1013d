import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Database } from '#server/database/database.ts';
import { type OpenEmpty, withEmptyDatabase } from '#test/databases.ts';
import { waitFor } from '#test/processes.ts';
import { checklistOf } from '../checks.ts';
import { createClearing } from '../clearing.ts';
import { stateOf } from '../describe.ts';
import { createHandshakeFailures } from '../handshake-failures.ts';
import { type ClusterRow, findCluster, latestToken } from '../queries.ts';
import { clusterSecrets } from '../secrets.ts';
import { settingsOf } from '../stored-settings.ts';
import { beginDisconnection, noteRemoval } from '../writes/clusters.ts';
import { keepConnectToken, noteTokenShown } from '../writes/connect-tokens.ts';
import { leaveAgentRequest } from '../writes/requests.ts';

const secrets = clusterSecrets(Buffer.alloc(32, 1));
const report = (error: unknown) => {
  throw error;
};
const minute = 60_000;
const hour = 60 * minute;

/** What becomes of clusters while nobody looks, on any database. */
export function upkeepSuite(name: string, open: OpenEmpty): void {
  describe(`upkeep of clusters on ${name}`, () => {
    let database: Database;
    const begin = Date.now();
    withEmptyDatabase(open, (empty) => {
      database = empty;
    });

    async function offered(cluster: string): Promise<ClusterRow> {
      await database.write(keepConnectToken, {
        cluster,
        settings: {},
        secretHmac: secrets.connectToken().hmac,
        creator: 'user admin',
        expiresAt: begin + 15 * minute,
        now: begin,
      });
      const row = await findCluster(database.read, cluster);
      assert.ok(row);
      return row;
    }

    async function showToken(cluster: string): Promise<void> {
      const token = await database.read
        .selectFrom('cluster_tokens')
        .innerJoin('clusters', 'clusters.id', 'cluster_tokens.cluster_id')
        .select('cluster_tokens.id')
        .where('clusters.name', '=', cluster)
        .executeTakeFirstOrThrow();
      await database.write(noteTokenShown, { id: token.id, address: '10.0.0.1', now: begin });
    }

    async function checks(cluster: ClusterRow, now: number, registry = 'registry.test') {
      const settings = settingsOf(cluster.settings);
      const token = await latestToken(database.read, cluster.id);
      const list = checklistOf({ cluster, settings, token, registry, version: '1.1.0', now });
      return new Map(list.map((check) => [check.name, check]));
    }

    test('the checklist tells long waits with what to look at', async () => {
      const cluster = await offered('waiting');
      const early = await checks(cluster, begin + minute);
      assert.equal(early.get('token')?.state, 'waiting');
      assert.equal(early.get('tls')?.problem, undefined);
      await showToken('waiting');
      assert.equal((await checks(cluster, begin + 1_000)).get('tls')?.problem, undefined);
      const shown = await checks(cluster, begin + 2 * minute);
      assert.match(shown.get('token')?.detail ?? '', /fetched at .* from 10\.0\.0\.1/);
      assert.match(shown.get('tls')?.problem?.message ?? '', /No agent has come/);
      assert.match(shown.get('tls')?.problem?.cure ?? '', /kubectl --namespace berth get pods/);
      const late = await checks(cluster, begin + 16 * minute);
      assert.equal(late.get('token')?.state, 'failed');
      assert.match(late.get('token')?.problem?.cure ?? '', /berth cluster connect waiting/);
    });

    test('the checklist tells of an agent of another version, which fails nothing', async () => {
      const row = await offered('upgraded');
      const reported = (detail: string) => ({
        ...row,
        checks: JSON.stringify([{ name: 'version', state: 'passed', detail }]),
      });
      assert.equal((await checks(row, begin)).has('version'), false);
      const same = (await checks(reported('1.1.0'), begin)).get('version');
      assert.deepEqual(same, { name: 'version', state: 'passed', detail: '1.1.0' });
      const { state, problem } = (await checks(reported('1.0.0'), begin)).get('version') ?? {};
      assert.equal(state, 'passed');
      assert.match(problem?.message ?? '', /of Berth 1\.0\.0, the server of 1\.1\.0/);
      assert.match(problem?.cure ?? '', /berth cluster connect upgraded/);
    });

    test('the checklist tells that nodes cannot reach what is called localhost', async () => {
      const cluster = await offered('here');
      for (const registry of ['localhost:5000', '127.0.0.1', '[::1]:5000']) {
        const { state, problem } = (await checks(cluster, begin, registry)).get('tls') ?? {};
        assert.equal(state, 'failed');
        assert.match(problem?.cure ?? '', /BERTH_URL/);
      }
      for (const registry of ['localhost.example.com', '10.0.0.1:5000', '127.example.com']) {
        assert.equal((await checks(cluster, begin, registry)).get('tls')?.state, 'waiting');
      }
    });

    test('the checklist tells of a client that did not trust the certificate', async () => {
      const note = createHandshakeFailures({ database, report, now: () => begin });
      const distrust = Object.assign(new Error('tlsv1 alert unknown ca'), {
        code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      });
      const cluster = await offered('distrusted');
      await showToken('distrusted');
      note('10.0.0.7', Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
      assert.equal((await latestToken(database.read, cluster.id))?.distrusted_by, null);
      note('10.0.0.8', distrust);
      await waitFor(() => latestToken(database.read, cluster.id), {
        what: 'the failure to be noted',
        until: (token) => token?.distrusted_by === '10.0.0.8',
      });
      const { problem } = (await checks(cluster, begin + 1)).get('tls') ?? {};
      assert.match(problem?.message ?? '', /10\.0\.0\.8 did not trust/);
      assert.match(problem?.cure ?? '', /logs daemonset\/berth-node/);
    });

    test('an agent whose process died is away once nobody has renewed its connection', async () => {
      const row = await offered('killed');
      const held = { ...row, enrolled_at: begin, connection: 'of a dead process', seen_at: begin };
      assert.equal(stateOf(held, begin + 20_000), 'connected');
      assert.equal(stateOf(held, begin + minute), 'away');
      assert.equal(stateOf({ ...held, connection: null }, begin + 1), 'away');
      assert.equal(stateOf(row, begin), 'waiting');
      const { state, problem } = (await checks(held, begin + 2 * minute)).get('tls') ?? {};
      assert.equal(state, 'failed');
      assert.match(problem?.message ?? '', /has not been connected since/);
    });

    test('what has ended goes, and nothing else', async () => {
      const live = await offered('live');
      const removed = await offered('removed');
      let now = begin;
      const { clear } = createClearing({ database, report, now: () => now });
      const request = (id: string) =>
        database.write(leaveAgentRequest, {
          id,
          cluster: live.id,
          method: 'pull.test',
          parameters: '{}',
          now,
        });
      await request('old');
      await database.write(beginDisconnection, { cluster: 'removed', now });
      await database.write(noteRemoval, { cluster: removed.id, left: ['a file'], now });
      await clear();
      assert.ok(await findCluster(database.read, 'removed'));
      assert.ok(await latestToken(database.read, live.id));
      now = begin + 2 * hour;
      await request('new');
      await clear();
      assert.equal(await findCluster(database.read, 'removed'), undefined);
      assert.ok(await latestToken(database.read, live.id));
      const left = await database.read.selectFrom('agent_requests').select('id').execute();
      assert.deepEqual(left, [{ id: 'new' }]);
      now = begin + 25 * hour;
      await clear();
      assert.equal(await latestToken(database.read, live.id), undefined);
      assert.ok(await findCluster(database.read, 'live'));
    });
  });
}
