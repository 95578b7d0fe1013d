import type { Manifests, Uploads } from '#features/registry';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { Subscriber } from '#server/events/outbox.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import { chartAdditions } from './additions.ts';
import { addChartRoutes } from './chart-routes.ts';
import { addMuseumRoutes } from './museum-routes.ts';
import { addMuseumUploadRoutes } from './museum-upload-routes.ts';
import { createPublishChart, type PublishChart } from './publish.ts';
import { chartSubscriber, createChartReader } from './reader.ts';
import { addRepositoryRoutes } from './repository-routes.ts';

export { tagOfVersion } from './versions.ts';

export interface Charts {
  readonly publish: PublishChart;
  /** Reads charts after their push. */
  readonly subscriber: Subscriber;
  /** What artifacts that are charts have besides their own fields. */
  readonly additions: ReturnType<typeof chartAdditions>;
  addRoutes(application: RestApplication): void;
}

/** Helm charts: read after their push, listed, and served to Helm as a classic repository too. */
export function createCharts(options: {
  database: Database;
  store: BlobStore;
  /** What uploads of charts are pushed through. */
  registry: { readonly uploads: Uploads; readonly manifests: Manifests };
  /** Milliseconds that what nobody needs is kept. */
  grace: number;
  now: () => number;
}): Charts {
  const { database, store, registry, grace, now } = options;
  const readPushedChart = createChartReader({ database, store });
  const publish = createPublishChart({ database, registry, readPushedChart, now });
  return {
    publish,
    subscriber: chartSubscriber(readPushedChart),
    additions: chartAdditions(database.read),
    addRoutes(application) {
      addChartRoutes(application, database);
      addRepositoryRoutes(application, { database, store });
      addMuseumRoutes(application, { database, grace, now });
      addMuseumUploadRoutes(application, { database, store, publish });
    },
  };
}
