import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Database } from '#server/database/database.ts';
import { holdFileDeletions } from '../holds.ts';
import {
  beginDeletions,
  endDeletions,
  holdDeletions,
  releaseDeletionHold,
  renewDeletionHold,
} from '../writes/holds.ts';

const minute = 60_000;

/** @param open opens an empty database, which `remove` takes away */
export function holdsSuite(
  name: string,
  open: () => Promise<{ database: Database; remove: () => Promise<void> }>,
): void {
  describe(`a hold on the deletion of files, on ${name}`, () => {
    let database: Database;
    let remove = async () => {};
    let now = 1_000_000;
    before(async () => {
      ({ database, remove } = await open());
    });
    after(async () => {
      await database.close();
      await remove();
    });

    const begin = (id: string) =>
      database.write(beginDeletions, { id, leaseUntil: now + minute, now });
    const end = (id: string) => database.write(endDeletions, { id });
    const hold = (id: string) =>
      database.write(holdDeletions, { id, reason: 'a backup', leaseUntil: now + minute, now });
    const release = (id: string) => database.write(releaseDeletionHold, { id });

    test('lets none begin until the last one is released, and says why', async () => {
      await hold('one');
      await hold('two');
      assert.deepEqual(await begin('collector'), { allowed: false, reason: 'a backup' });
      await release('one');
      assert.equal((await begin('collector')).allowed, false);
      await release('two');
      assert.equal((await begin('collector')).allowed, true);
      await end('collector');
    });

    test('counts no longer than its lease, and says so when it is renewed too late', async () => {
      await hold('one');
      now += minute - 1;
      const leaseUntil = now + minute;
      assert.equal(await database.write(renewDeletionHold, { id: 'one', leaseUntil, now }), true);
      now += minute - 1;
      assert.equal((await begin('collector')).allowed, false);
      now += 1;
      assert.equal((await begin('collector')).allowed, true);
      const late = { id: 'one', leaseUntil: now + minute, now };
      assert.equal(await database.write(renewDeletionHold, late), false);
      await end('collector');
    });

    test('tells of deletions that had begun before, and not of those that were told to wait', async () => {
      await begin('collector');
      assert.deepEqual(await hold('one'), { underWayUntil: now + minute });
      assert.equal((await begin('collector')).allowed, false);
      assert.deepEqual(await hold('two'), { underWayUntil: undefined });
      await release('one');
      await release('two');
    });

    test('is there once the deletions under way have ended', async () => {
      await begin('collector');
      let held = false;
      const taking = holdFileDeletions({ database, reason: 'a backup', now: () => now }).then(
        (taken) => {
          held = true;
          return taken;
        },
      );
      for (let asked = await begin('other'); asked.allowed; asked = await begin('other')) {
        await end('other');
      }
      assert.equal(held, false);
      await end('collector');
      const taken = await taking;
      assert.equal((await begin('collector')).allowed, false);
      await taken.release();
      assert.equal((await begin('collector')).allowed, true);
      await end('collector');
    });

    test('and a deletion that begin at once never overlook each other', async () => {
      for (let round = 0; round < 300; round++) {
        const [deletion, taken] = await Promise.all([begin('collector'), hold('backup')]);
        assert.ok(
          !deletion.allowed || taken.underWayUntil !== undefined,
          `both went on in round ${round}`,
        );
        await Promise.all([end('collector'), release('backup')]);
      }
    });
  });
}
