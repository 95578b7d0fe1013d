import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Charts, createCharts } from '#features/charts';
import { createRegistry, type Registry } from '#features/registry';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import { openFilesystemBlobStore } from '#server/blobs/filesystem/filesystem.ts';
import type { Database } from '#server/database/database.ts';
import type { OpenEmpty } from '#test/databases.ts';

export interface TestRegistry {
  readonly database: Database;
  readonly store: BlobStore;
  readonly registry: Registry;
  readonly charts: Charts;
  close(): Promise<void>;
}

/** What the server's own artifacts are pushed into; it answers nobody. */
export async function openTestRegistry(open: OpenEmpty): Promise<TestRegistry> {
  const { database, remove } = await open();
  const folder = await mkdtemp(join(tmpdir(), 'berth-own-'));
  const store = await openFilesystemBlobStore({ folder });
  const common = { database, store, grace: 0, now: Date.now };
  const registry = createRegistry({
    ...common,
    loadGrants: () => Promise.reject(new Error('Nobody asks.')),
  });
  return {
    database,
    store,
    registry,
    charts: createCharts({ ...common, registry }),
    async close() {
      await store.close();
      await database.close();
      await remove();
      await rm(folder, { recursive: true });
    },
  };
}
