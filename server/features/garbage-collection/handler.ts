import type { CollectionReport } from '#contract/garbage-collection.ts';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { JobHandler } from '#server/jobs/jobs.ts';
import { collect } from './collect.ts';
import { rehearse } from './dry-run.ts';
import type { Run } from './run.ts';

export const collectionKind = 'garbage-collection';

/** As a collection is submitted. */
export interface CollectionInput {
  readonly deleteUntagged: boolean;
  readonly dryRun: boolean;
}

export function createCollectionHandler(options: {
  database: Database;
  store: BlobStore;
  /** Milliseconds that what nobody needs is kept. */
  grace: number;
  now: () => number;
}): JobHandler {
  const { database, store, grace, now } = options;
  return {
    kind: collectionKind,
    async run({ input, signal, report }): Promise<CollectionReport> {
      const { deleteUntagged, dryRun } = input as CollectionInput;
      const run: Run = {
        database,
        store,
        before: now() - grace,
        deleteUntagged,
        signal,
        report,
        now,
      };
      const taken = await (dryRun ? rehearse(run) : collect(run));
      return {
        dry_run: dryRun,
        delete_untagged: deleteUntagged,
        grace_seconds: grace / 1000,
        ...taken,
      };
    },
  };
}
