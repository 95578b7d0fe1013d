import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import type { Database } from '#server/database/database.ts';
import { type OpenEmpty, withEmptyDatabase } from '#test/databases.ts';
import { waitFor } from '#test/processes.ts';
import { createClearing } from '../clearing.ts';
import { createMailbox, type Mailbox } from '../connection/mailbox.ts';
import { prepareConnectionLookups } from '../connection-queries.ts';
import { drawConnection } from '../holder.ts';
import { isConnected } from '../presence.ts';
import { findCluster } from '../queries.ts';
import { clusterSecrets } from '../secrets.ts';
import { keepConnectToken } from '../writes/connect-tokens.ts';
import { connectAgent, renewIdentity } from '../writes/connections.ts';

const secrets = clusterSecrets(Buffer.alloc(32, 1));
const report = (error: unknown) => {
  throw error;
};
const token = 'a-token-of-a-service-account';

/** What processes of one machine know of each other, and ask of each other, on any database. */
export function holdersSuite(name: string, open: OpenEmpty): void {
  describe(`processes that hold agents, on ${name}`, () => {
    let database: Database;
    let asking: Mailbox;
    let holding: Mailbox;
    const now = Date.now();
    withEmptyDatabase(open, (empty) => {
      database = empty;
      const lookups = prepareConnectionLookups(database);
      const mailbox = () => createMailbox({ database, lookups, secrets, report, now: Date.now });
      [asking, holding] = [mailbox(), mailbox()];
    });

    /** A cluster whose agent is connected by `connection`. */
    async function held(cluster: string, connection: string): Promise<number> {
      await database.write(keepConnectToken, {
        cluster,
        settings: {},
        secretHmac: secrets.connectToken().hmac,
        creator: 'user admin',
        expiresAt: now + 60_000,
        now,
      });
      const row = await findCluster(database.read, cluster);
      assert.ok(row);
      const { hmac } = secrets.identity();
      await database.write(renewIdentity, { cluster: row.id, identityHmac: hmac, now });
      const identity = await database.read
        .selectFrom('agent_identities')
        .select('id')
        .where('secret_hmac', '=', hmac)
        .executeTakeFirstOrThrow();
      await database.write(connectAgent, {
        cluster: row.id,
        identity: identity.id,
        connection,
        now,
      });
      return row.id;
    }

    async function connectionOfDead(): Promise<string> {
      const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
      await once(child, 'exit');
      return drawConnection().replace(/^\d+@/, `${child.pid}@`);
    }

    async function isThere(cluster: string): Promise<boolean> {
      const row = await findCluster(database.read, cluster);
      assert.ok(row);
      return isConnected(row, now + 1);
    }

    const requests = () => database.read.selectFrom('agent_requests').selectAll().execute();

    async function openRequest() {
      const [request] = await waitFor(requests, {
        what: 'the request',
        until: ({ length }) => length > 0,
      });
      assert.ok(request);
      return request;
    }

    test('are seen to be gone at once by those beside them, and believed elsewhere for a while', async () => {
      const dead = await connectionOfDead();
      await held('alive', drawConnection());
      await held('dead', dead);
      await held('elsewhere', dead.replace(/@[0-9a-f]{16}/, `@${'0'.repeat(16)}`));
      await held('unnamed', 'of an earlier version');
      assert.equal(await isThere('alive'), true);
      assert.equal(await isThere('dead'), false);
      assert.equal(await isThere('elsewhere'), true);
      assert.equal(await isThere('unnamed'), true);
    });

    test('that are gone hold nothing any more once the server starts again', async () => {
      const row = () => findCluster(database.read, 'elsewhere');
      await createClearing({ database, report, now: Date.now }).endAbandoned();
      assert.equal(await isThere('alive'), true);
      // Others may serve the same PostgreSQL, from other machines.
      const isAlone = database.dialect === 'sqlite';
      assert.equal(await isThere('elsewhere'), !isAlone);
      assert.equal(await isThere('unnamed'), !isAlone);
      assert.equal((await row())?.seen_at, now);
    });

    test('are not asked once they are gone', async () => {
      const cluster = await held('asked', await connectionOfDead());
      await assert.rejects(asking.ask(cluster, 'pull.test', {}, 60_000), /asked/);
      assert.deepEqual(await requests(), []);
    });

    test('are asked in words that the database does not know, which go with the answer', async () => {
      const cluster = await held('reviewing', drawConnection());
      const answer = asking.ask(cluster, 'token.review', { token }, 60_000);
      const request = await openRequest();
      assert.ok(!JSON.stringify(request).includes(token));
      const told: unknown[] = [];
      await holding.serve([cluster], async (_cluster, _method, parameters) => {
        told.push(parameters);
        return { authenticated: true };
      });
      assert.deepEqual(await answer, { authenticated: true });
      assert.deepEqual(told, [{ token }]);
      assert.deepEqual(await requests(), []);
    });

    test('leave no question behind that nobody answers', async () => {
      const cluster = await held('silent', drawConnection());
      await assert.rejects(asking.ask(cluster, 'token.review', { token }, 300), /in time/);
      assert.deepEqual(await requests(), []);
    });

    test('are asked by no one who has not the key', async () => {
      const cluster = await held('forged', drawConnection());
      const lookups = prepareConnectionLookups(database);
      const other = clusterSecrets(Buffer.alloc(32, 2));
      const stranger = createMailbox({
        database,
        lookups,
        secrets: other,
        report,
        now: Date.now,
      });
      const failures: unknown[] = [];
      const careful = createMailbox({
        database,
        lookups,
        secrets,
        report: (error) => failures.push(error),
        now: Date.now,
      });
      const asked = stranger.ask(cluster, 'pull.test', {}, 60_000);
      asked.catch(() => {});
      await openRequest();
      await careful.serve([cluster], () => assert.fail('It was asked.'));
      await assert.rejects(asked, /could not be asked/);
      assert.match(String(failures[0]), /do not open/);
    });
  });
}
