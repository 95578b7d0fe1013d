import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { LoadGrants } from '#server/http/access.ts';
import { createRegistryAccess } from './access.ts';
import { createBlobRoutes } from './blob-routes.ts';
import { graceOf } from './grace.ts';
import { createListRoutes } from './list-routes.ts';
import { createManifestCache } from './manifest-cache.ts';
import { createManifestRoutes } from './manifest-routes.ts';
import { createManifests } from './manifests.ts';
import { createRegistryQueries } from './queries.ts';
import { createRegistryHandler } from './routes.ts';
import { createUploadExpiry } from './upload-expiry.ts';
import { createUploadRoutes } from './upload-routes.ts';
import { createUploads } from './uploads.ts';

export { edgesOf, requiredBlobsOf } from './edges.ts';
export type { Manifests, PushedManifest } from './manifests.ts';
export { pusherOf } from './pusher.ts';
export { storageKeyOf } from './stored-blob-queries.ts';
export type { Chunk, Uploads } from './uploads.ts';
export { deleteManifest, deleteTag } from './writes/deletions.ts';
export type { Pusher } from './writes/repositories.ts';

const manifestCacheBytes = 64 * 1024 * 1024;

export type Registry = ReturnType<typeof createRegistry>;

/** The `/v2` side of the server, and what other features push and delete through. */
export function createRegistry(options: {
  database: Database;
  store: BlobStore;
  loadGrants: LoadGrants;
  /** Milliseconds that what nobody needs is kept. */
  grace: number;
  now: () => number;
}) {
  const { database, store, loadGrants, now } = options;
  const grace = graceOf(options.grace);
  const queries = createRegistryQueries(database);
  const access = createRegistryAccess(loadGrants);
  const cache = createManifestCache(manifestCacheBytes);
  const manifests = createManifests({
    database,
    queries,
    cache,
    grace,
    now,
  });
  const uploads = createUploads({ database, queries, store, now });
  const { start, stop } = createUploadExpiry({ database, queries, store, now });
  return {
    manifests,
    caches: { manifests: cache.counts },
    uploads,
    /** Begins to clean up after pushes that were given up. */
    start,
    /** Resolves when no cleaning is under way any more. */
    stop,
    handle: createRegistryHandler({
      manifests: createManifestRoutes(access, manifests),
      blobs: createBlobRoutes({ access, database, queries, store, grace, now }),
      uploads: createUploadRoutes({ access, queries, uploads }),
      lists: createListRoutes({ access, queries }),
    }),
  };
}
