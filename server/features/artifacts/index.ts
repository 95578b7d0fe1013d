import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { RestApplication } from '#server/http/rest/index.ts';
import type { AdditionSource } from './additions.ts';
import { addArtifactRoutes } from './artifact-routes.ts';
import { createConfigReader } from './configs.ts';
import { createDescriber } from './describe.ts';
import { imageAdditions } from './image-additions.ts';
import { addTagRoutes } from './tag-routes.ts';

export type { AdditionSource } from './additions.ts';

/** Artifacts and their tags below `/projects/…/repositories/…/artifacts`. */
export function addArtifactsRoutes(
  application: RestApplication,
  options: {
    database: Database;
    store: BlobStore;
    /** What other features know of artifacts: of charts, their README and values. */
    additions: readonly AdditionSource[];
    /** Milliseconds that what nobody needs is kept. */
    grace: number;
    now: () => number;
  },
) {
  const { database, store, grace, now } = options;
  const { read } = database;
  const readConfig = createConfigReader({ read, store });
  const additions = [...options.additions, imageAdditions({ read, readConfig })];
  const describe = createDescriber({
    read,
    readConfig,
    additionsOf: (type) =>
      additions.filter(({ artifactType }) => artifactType === type).flatMap(({ names }) => names),
  });
  addArtifactRoutes(application, { database, describe, additions, grace, now });
  addTagRoutes(application, { database, now });
}
