import { collectFiles, deleteBlobFiles } from './collect-files.ts';
import { doomedManifests } from './doomed-manifests.ts';
import { createPace } from './pace.ts';
import { type BlobRow, blobsAfter, type LinkRow, linksAfter } from './queries.ts';
import { inBatches, type Run, type Taken, walk } from './run.ts';
import { doomBlobs, dropLinks } from './writes/blobs.ts';
import { collectManifests } from './writes/manifests.ts';

/**
 * Takes what nobody needs, while everybody goes on: manifests, then links of blobs to repositories,
 * then blobs, then their files. Each step looks first and decides again in a short transaction, so
 * a collection may be interrupted anywhere and begun again.
 */
export async function collect(run: Run): Promise<Taken> {
  const taken: Taken = { manifests: 0, blobs: 0, bytes: 0, files: 0 };
  await takeManifests(run, taken);
  await takeLinks(run);
  await takeBlobs(run, taken);
  await deleteBlobFiles(run);
  await collectFiles(run, taken);
  return taken;
}

async function takeManifests(run: Run, taken: Taken): Promise<void> {
  const { database, before, deleteUntagged, now } = run;
  const pace = createPace(10, 500);
  for await (const { repository, ids } of doomedManifests(run)) {
    await inBatches(run, pace, ids, async (slice) => {
      const { deleted, milliseconds } = await database.write(collectManifests, {
        repository: repository.name,
        repositoryId: repository.id,
        ids: slice,
        before,
        deleteUntagged,
        now: now(),
      });
      taken.manifests += deleted;
      return { milliseconds };
    });
  }
}

async function takeLinks(run: Run): Promise<void> {
  const { database, before } = run;
  const pace = createPace(50, 500);
  let seen = 0;
  const links = walk<LinkRow>(run, (last, limit) =>
    linksAfter(database.read, last ?? { repositoryId: 0, blobId: 0 }, limit),
  );
  for await (const page of links) {
    seen += page.length;
    run.report({ step: 'looking at blobs of repositories', done: seen });
    const unneeded = page.filter(({ needed, linkedAt }) => !needed && linkedAt < before);
    for (const [repositoryId, group] of Map.groupBy(unneeded, (link) => link.repositoryId)) {
      const blobIds = group.map(({ blobId }) => blobId);
      await inBatches(run, pace, blobIds, (slice) =>
        database.write(dropLinks, { repositoryId, blobIds: slice, before }),
      );
    }
  }
}

async function takeBlobs(run: Run, taken: Taken): Promise<void> {
  const { database, before } = run;
  const pace = createPace(50, 500);
  let seen = 0;
  const blobs = walk<BlobRow>(run, (last, limit) =>
    blobsAfter(database.read, last?.id ?? 0, limit),
  );
  for await (const page of blobs) {
    seen += page.length;
    run.report({ step: 'looking at blobs', done: seen });
    const unheld = page.filter(({ links, createdAt }) => links === 0 && createdAt < before);
    const ids = unheld.map(({ id }) => id);
    await inBatches(run, pace, ids, async (slice) => {
      const { doomed, milliseconds } = await database.write(doomBlobs, { ids: slice, before });
      taken.blobs += doomed.length;
      for (const { size } of doomed) taken.bytes += size;
      return { milliseconds };
    });
  }
}
