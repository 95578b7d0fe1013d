import type { AnyWrite, Write } from '#server/database/database.ts';
import { maximumAttempts } from '#server/events/outbox.ts';

/** Blobs of 3 bytes each, every tenth of them one that is being deleted. */
export const insertBlobs: Write<{ readonly from: number; readonly count: number }, void> = {
  name: 'testing.insert-blobs',
  durability: 'durable',
  async run(transaction, { from, count }) {
    const rows = Array.from({ length: count }, (_, index) => ({
      digest: `sha256:${String(from + index).padStart(64, '0')}`,
      size: 3,
      storage_key: `key-${from + index}`,
      state: (from + index) % 10 === 9 ? ('deleting' as const) : ('live' as const),
      created_at: 1,
    }));
    for (let start = 0; start < rows.length; start += 500) {
      await transaction
        .insertInto('blobs')
        .values(rows.slice(start, start + 500))
        .execute();
    }
  },
};

/** Events written at these times; those at 0 have failed too often. */
export const insertEvents: Write<readonly number[], void> = {
  name: 'testing.insert-events',
  durability: 'durable',
  async run(transaction, times) {
    for (const time of times) {
      await transaction
        .insertInto('events')
        .values({
          type: 'testing',
          payload: '{}',
          created_at: time,
          lease_until: 0,
          attempts: time === 0 ? maximumAttempts : 0,
        })
        .execute();
    }
  },
};

export const writes: readonly AnyWrite[] = [insertBlobs, insertEvents];
