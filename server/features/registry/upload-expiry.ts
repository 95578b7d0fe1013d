import type { BlobStore, StorageKey } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { RegistryQueries } from './queries.ts';
import { expireUploads } from './writes/uploads.ts';

const intervalMilliseconds = 60 * 60 * 1000;
/** As long as the expired token of a client is still good for going on. */
const idleMilliseconds = 24 * 60 * 60 * 1000;
const uploadsAtOnce = 500;

export interface UploadExpiry {
  /**
   * Forgets uploads that nothing has happened to for `milliseconds`, and the bytes that a crash
   * left without an upload; tells how many.
   */
  expire(milliseconds: number): Promise<number>;
  /** Expires uploads now and every hour. */
  start(options: { readonly reportFailure: (error: unknown) => void }): void;
  stop(): Promise<void>;
}

export function createUploadExpiry(options: {
  database: Database;
  queries: RegistryQueries;
  store: BlobStore;
  now: () => number;
}): UploadExpiry {
  const { database, queries, store, now } = options;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<unknown> = Promise.resolve();
  let stopped = false;

  async function expire(milliseconds: number): Promise<number> {
    const before = now() - milliseconds;
    const idle = await expireIdle(before);
    return idle + (await expireOrphans(before));
  }

  async function expireIdle(before: number): Promise<number> {
    for (let expired = 0; ; ) {
      const keys = await database.write(expireUploads, { before, limit: uploadsAtOnce });
      for (const key of keys) await store.abort(key);
      expired += keys.length;
      if (keys.length < uploadsAtOnce || stopped) return expired;
    }
  }

  async function expireOrphans(before: number): Promise<number> {
    let expired = 0;
    let old: StorageKey[] = [];
    for await (const { key, modifiedAt } of store.listUploads()) {
      if (modifiedAt < before) old.push(key);
      if (old.length < uploadsAtOnce) continue;
      expired += await abortOrphans(old);
      old = [];
      if (stopped) break;
    }
    return expired + (await abortOrphans(old));
  }

  async function abortOrphans(keys: readonly StorageKey[]): Promise<number> {
    if (keys.length === 0) return 0;
    const owned = await queries.uploadsAt(keys);
    const orphans = keys.filter((key) => !owned.has(key));
    for (const key of orphans) await store.abort(key);
    return orphans.length;
  }

  return {
    expire,
    start({ reportFailure }) {
      const run = () => {
        underWay = underWay.then(() => expire(idleMilliseconds)).catch(reportFailure);
      };
      run();
      timer = setInterval(run, intervalMilliseconds);
      timer.unref();
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await underWay;
    },
  };
}
