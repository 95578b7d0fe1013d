import { setTimeout as pause } from 'node:timers/promises';
import type { Reader } from '#server/database/database.ts';
import { countBlobs } from './queries.ts';

export interface BlobTotals {
  readonly blobs: number;
  readonly bytes: number;
}

/** About a millisecond of SQLite, which answers on the thread that serves everybody. */
const rowsAtOnce = 5_000;
const millisecondsBetween = 20;
const countedAgainAfter = 10 * 60_000;

/**
 * How many blobs there are, counted in the background and in small steps: at most every ten
 * minutes, and only while somebody asks. Undefined until the first count is done.
 */
export function createBlobTotals(options: {
  readonly read: Reader;
  readonly now: () => number;
  readonly reportFailure: (error: unknown) => void;
}): { totals(): BlobTotals | undefined; stop(): Promise<void> } {
  const { read, now, reportFailure } = options;
  let totals: BlobTotals | undefined;
  let counted = Number.NEGATIVE_INFINITY;
  let counting: Promise<void> | undefined;
  const stopped = new AbortController();

  async function count(): Promise<void> {
    let [blobs, bytes] = [0, 0];
    let after: number | undefined = 0;
    while (after !== undefined && !stopped.signal.aborted) {
      const some = await countBlobs(read, after, rowsAtOnce);
      blobs += some.blobs;
      bytes += some.bytes;
      after = some.last;
      if (after !== undefined) await pause(millisecondsBetween, undefined, { ref: false });
    }
    if (after === undefined) totals = { blobs, bytes };
  }

  return {
    totals() {
      if (counting === undefined && now() - counted >= countedAgainAfter) {
        counted = now();
        counting = count()
          .catch(reportFailure)
          .finally(() => {
            counting = undefined;
          });
      }
      return totals;
    },
    async stop() {
      stopped.abort();
      counted = Number.POSITIVE_INFINITY;
      await counting;
    },
  };
}
