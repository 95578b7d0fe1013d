import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { JobProgress } from '#server/jobs/jobs.ts';
import { createPace, type Pace } from './pace.ts';

/** What one collection works with. */
export interface Run {
  readonly database: Database;
  readonly store: BlobStore;
  /** What was made, told of or renewed since then stays. Milliseconds since 1970. */
  readonly before: number;
  readonly deleteUntagged: boolean;
  /** Aborted when the collection shall end early. */
  readonly signal: AbortSignal;
  readonly report: (progress: JobProgress) => void;
  readonly now: () => number;
}

/** What a collection has taken so far. */
export interface Taken {
  manifests: number;
  blobs: number;
  bytes: number;
  files: number;
}

/** Lets requests be answered between two batches, and ends a collection that was told to. */
export async function breathe({ signal }: Pick<Run, 'signal'>): Promise<void> {
  await nextTurn();
  signal.throwIfAborted();
}

/**
 * Walks a table by pages that hold the database no longer than they may.
 * @param page the rows after one; none ends the walk
 */
export async function* walk<Row>(
  run: Run,
  page: (after: Row | undefined, limit: number) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  const pace: Pace = createPace(100, 2_000);
  let last: Row | undefined;
  for (;;) {
    const started = performance.now();
    const rows = await page(last, pace.size());
    pace.took(rows.length, performance.now() - started);
    last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    await breathe(run);
  }
}

/** Runs `work` on slices of `items`, each as long as the last ones allow. */
export async function inBatches<Item>(
  run: Run,
  pace: Pace,
  items: readonly Item[],
  work: (slice: readonly Item[]) => Promise<{ readonly milliseconds: number }>,
): Promise<void> {
  for (let start = 0; start < items.length; ) {
    const slice = items.slice(start, start + pace.size());
    start += slice.length;
    const { milliseconds } = await work(slice);
    pace.took(slice.length, milliseconds);
    await breathe(run);
  }
}
