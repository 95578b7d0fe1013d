import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Database } from '#server/database/database.ts';
import { waitFor } from '#test/processes.ts';
import { createBlobTotals } from '../blob-totals.ts';
import { openJobs, openUploads, outboxState, secretEnds } from '../queries.ts';
import { insertBlobs, insertEvents } from './writes.ts';

/** @param open opens an empty database with the writes of this folder, which `remove` takes away */
export function stateSuite(
  name: string,
  open: () => Promise<{ database: Database; remove: () => Promise<void> }>,
): void {
  const opened = (run: (database: Database) => Promise<void>) => async () => {
    const { database, remove } = await open();
    try {
      await run(database);
    } finally {
      await database.close();
      await remove();
    }
  };

  describe(`what the database tells, on ${name}`, () => {
    test(
      'of blobs is all that are kept, counted in steps and again after ten minutes only',
      opened(async (database) => {
        await database.write(insertBlobs, { from: 0, count: 11_000 });
        let time = 0;
        const { totals, stop } = createBlobTotals({
          read: database.read,
          now: () => time,
          reportFailure: (error) => assert.fail(String(error)),
        });
        const counted = (blobs: number) =>
          waitFor(async () => totals(), {
            what: 'the count',
            until: (told) => told?.blobs === blobs,
          });
        assert.equal(totals(), undefined, 'the first scrape waits for no count');
        assert.deepEqual(await counted(9_900), { blobs: 9_900, bytes: 29_700 });
        await database.write(insertBlobs, { from: 11_000, count: 10 });
        time += 10 * 60_000 - 1;
        assert.equal(totals()?.blobs, 9_900);
        time += 1;
        await counted(9_909);
        await stop();
      }),
    );

    test(
      'of the outbox is how many wait since when, and how many were given up',
      opened(async (database) => {
        assert.deepEqual(await outboxState(database.read), {
          waiting: 0,
          givenUp: 0,
          oldest: undefined,
        });
        await database.write(insertEvents, [0, 70, 50, 60, 0]);
        assert.deepEqual(await outboxState(database.read), {
          waiting: 3,
          givenUp: 2,
          oldest: 50,
        });
      }),
    );

    test(
      'of an empty registry is nothing',
      opened(async ({ read }) => {
        assert.equal(await openUploads(read), 0);
        assert.deepEqual(await openJobs(read), []);
        assert.deepEqual(await secretEnds(read), { robot: [], accessToken: [] });
      }),
    );
  });
}
