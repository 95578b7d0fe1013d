import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { NamespaceSelector } from '#contract/agent.ts';
import type { Credential } from '#features/auth';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import type { OpenEmpty } from '#test/databases.ts';
import { createWorkloads, type Workloads } from '../workloads.ts';
import { addTestCluster } from './writes.suite.ts';

const hour = 60 * 60 * 1000;
const day = 24 * hour;

/** The promises about the secrets of namespaces, on any database. */
export function namespaceRobotsSuite(name: string, open: OpenEmpty): void {
  describe(`the secrets of a namespace on ${name}`, () => {
    let place: Awaited<ReturnType<OpenEmpty>>;
    let database: Database;
    let workloads: Workloads;
    let now = 1_000_000_000_000;
    const cluster = { id: 0, name: 'prod' };

    before(async () => {
      place = await open();
      database = place.database;
      workloads = await createWorkloads({
        database,
        sharedSecret: async () => new Uint8Array(32),
        registry: 'reg.example.com:5000',
        review: async () => ({ authenticated: true }),
        now: () => now,
      });
      cluster.id = await database.write(addTestCluster, { name: 'prod', now });
    });
    after(async () => {
      await database.close();
      await place.remove();
    });

    const issue = (namespace: string, uid = 'uid', labels = {}) =>
      workloads.robots.issue(cluster, { name: namespace, uid, labels });
    const placed = (namespace: string, generation: number) =>
      workloads.robots.placed(cluster, { namespace, generation });

    async function signIn({ username, secret }: { username: string; secret: string }) {
      await database.refresh();
      return workloads.verifier.verify(username, secret);
    }

    async function recall({ principal, stamp }: Credential) {
      await database.refresh();
      return workloads.verifier.recall(principal, stamp);
    }

    async function isGood(credential: { username: string; secret: string }): Promise<boolean> {
      try {
        return (await signIn(credential)) !== undefined;
      } catch (error) {
        assert.ok(error instanceof Refusal && error.kind === 'unauthenticated', String(error));
        return false;
      }
    }

    test('are two while one takes the place of the other, and for an hour after that', async () => {
      const first = await issue('web');
      assert.equal(first.renewAt, now + 7 * day);
      await placed('web', 1);
      now += 7 * day;
      const second = await issue('web');
      assert.equal(second.generation, 2);
      assert.notEqual(second.secret, first.secret);
      now += 10 * day;
      assert.deepEqual([await isGood(first), await isGood(second)], [true, true]);
      await placed('web', 2);
      await placed('web', 2);
      const until = (await signIn(first))?.expiresAt;
      assert.equal(until, now + hour);
      assert.equal((await signIn(second))?.expiresAt, undefined);
      now += hour - 1;
      assert.equal(await isGood(first), true);
      now += 1;
      assert.deepEqual([await isGood(first), await isGood(second)], [false, true]);
    });

    test('stay good while an agent that was killed asks again and again', async () => {
      const inPlace = await issue('shop');
      await placed('shop', inPlace.generation);
      let perhapsInPlace = await issue('shop');
      for (let times = 0; times < 5; times += 1) {
        const next = await issue('shop');
        assert.equal(await isGood(inPlace), true);
        // Its Secret may hold what it could not tell of.
        assert.equal(await isGood(perhapsInPlace), true);
        perhapsInPlace = next;
      }
      await placed('shop', perhapsInPlace.generation);
      now += hour;
      assert.deepEqual([await isGood(inPlace), await isGood(perhapsInPlace)], [false, true]);
    });

    test('are remembered by stamps that end with them', async () => {
      const first = await issue('api');
      const credential = await signIn(first);
      assert.ok(credential);
      assert.deepEqual(credential.principal, {
        kind: 'workload',
        cluster: 'prod',
        namespace: 'api',
        serviceAccount: '*',
      });
      assert.deepEqual(await recall(credential), credential);
      await issue('api', 'another uid');
      await assert.rejects(async () => recall(credential), /wrong or has ended/);
    });

    test('end where no selector is for the namespace any more', async () => {
      const kept = await issue('kept', 'uid', { tier: 'front' });
      const lost = await issue('lost', 'uid', { tier: 'back' });
      const selectors: NamespaceSelector[] = [
        { kind: 'labels', labels: { tier: 'front' } },
        { kind: 'name', name: 'web' },
      ];
      await workloads.robots.endUncovered(cluster, selectors);
      assert.deepEqual([await isGood(kept), await isGood(lost)], [true, false]);
      await workloads.robots.endUncovered(cluster, []);
      assert.equal(await isGood(kept), false);
    });

    test('cannot be said to be in place when they were never given', async () => {
      await assert.rejects(placed('web', 99), /no credential 99 any more/);
      await assert.rejects(placed('nowhere', 1), /no credential 1 any more/);
    });

    test('are given at once to many namespaces that come at once, each of them its own', async () => {
      const began = performance.now();
      const given = await Promise.all(
        Array.from({ length: 200 }, (_, number) => issue(`many-${number}`)),
      );
      const each = (performance.now() - began) / given.length;
      assert.equal(new Set(given.map(({ secret }) => secret)).size, 200);
      assert.ok(each < 50, `${each} ms each`);
    });
  });
}
