import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blobOf } from '../registry/testing/content.suite.ts';
import { expectStatus, onEveryDatabase } from '../registry/testing/registry.suite.ts';
import { holdFileDeletions } from './holds.ts';
import { begin, collections, collectNow, order, waitUntil } from './testing/collections.suite.ts';

onEveryDatabase(
  'the routes of garbage collection',
  (registry) => {
    const schedule = () => registry.call(`${collections}/schedule`);

    test('are for system admins alone', async () => {
      const user = await registry.addUser('collector');
      for (const path of [collections, `${collections}/1`, `${collections}/schedule`]) {
        const refused = await registry.call(path, { as: user });
        expectStatus(refused, 403);
        assert.match(refused.body.toString(), /this needs a system admin/);
        expectStatus(await registry.request(path), 401);
      }
    });

    test('collect every night until told otherwise, and never once told so', async () => {
      const first = (await schedule()).json() as { schedule: { cron: string } };
      assert.equal(first.schedule.cron, '0 0 3 * * *');
      const weekly = await order(registry, 'PUT', {
        schedule: { type: 'Weekly' },
        parameters: { delete_untagged: true },
      });
      expectStatus(weekly, 200);
      const set = (await schedule()).json() as {
        schedule: { type: string; next_scheduled_time: string };
        parameters: unknown;
      };
      assert.equal(set.schedule.type, 'Weekly');
      assert.equal(new Date(set.schedule.next_scheduled_time).getUTCDay(), 0);
      assert.deepEqual(set.parameters, { delete_untagged: true, dry_run: false });
      expectStatus(await order(registry, 'PUT', { schedule: { type: 'None' } }), 200);
      const none = await schedule();
      expectStatus(none, 200);
      assert.equal(none.body.length, 0);
    });

    test('refuse a cron that is none, with what one looks like', async () => {
      for (const cron of ['', 'often', '* * * * * * * *', '61 0 0 * * *']) {
        const reply = await order(registry, 'PUT', { schedule: { type: 'Custom', cron } });
        expectStatus(reply, 400);
      }
    });

    test('list what was collected, the newest first, and answer 404 for what was not', async () => {
      await collectNow(registry);
      await collectNow(registry, { dry_run: true });
      const reply = await registry.call(`${collections}?page_size=2`);
      const [newest, older] = reply.json() as { id: number; job_parameters: string }[];
      assert(newest && older && newest.id > older.id);
      assert.equal(newest.job_parameters, '{"delete_untagged":false,"dry_run":true}');
      assert(Number(reply.headers['x-total-count']) >= 2);
      const log = await registry.call(`${collections}/${newest.id}/log`);
      assert.match(log.body.toString(), /"dry_run":true.*\n.* succeeded\n$/);
      expectStatus(await registry.call(`${collections}/999999`), 404);
    });

    test('begin no second one beside one that is under way, and stop that one', async () => {
      const database = await registry.database();
      await registry.pushBlob(registry.repository(), blobOf(10));
      const hold = await holdFileDeletions({ database, reason: 'a test', now: Date.now });
      const id = await begin(registry);
      await waitUntil(registry, id, ({ progress }) => progress?.step.startsWith('wait') === true);
      const second = await order(registry, 'POST', { schedule: { type: 'Manual' } });
      expectStatus(second, 409);
      assert.match(second.body.toString(), new RegExp(`collection ${id} is still under way`));
      expectStatus(await registry.call(`${collections}/${id}`, { method: 'PUT' }), 200);
      const stopped = await waitUntil(registry, id, ({ end_time }) => end_time !== undefined);
      assert.deepEqual([stopped.state, stopped.job_status], ['cancelled', 'Stopped']);
      expectStatus(await registry.call(`${collections}/${id}`, { method: 'PUT' }), 409);
      await hold.release();
      assert.equal((await collectNow(registry)).blobs, 0);
    });
  },
  { collectionGrace: '0s' },
);
