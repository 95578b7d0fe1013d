import { oldFiles } from './collect-files.ts';
import { doomedManifests } from './doomed-manifests.ts';
import {
  type BlobRow,
  blobsAfter,
  keysOfBlobs,
  keysOfUploadsUnderWay,
  type LinkRow,
  linksAfter,
  manifestsNaming,
} from './queries.ts';
import { type Run, type Taken, walk } from './run.ts';

/** Tells what a collection would take, and changes nothing. */
export async function rehearse(run: Run): Promise<Taken> {
  const taken: Taken = { manifests: 0, blobs: 0, bytes: 0, files: 0 };
  const doomed = new Set<number>();
  for await (const { ids } of doomedManifests(run)) for (const id of ids) doomed.add(id);
  taken.manifests = doomed.size;
  const dropped = await droppedLinks(run, doomed);
  await countBlobs(run, doomed, dropped, taken);
  await countFiles(run, taken);
  return taken;
}

/** How many links of each blob would go. */
async function droppedLinks(
  run: Run,
  doomed: ReadonlySet<number>,
): Promise<ReadonlyMap<number, number>> {
  const { read } = run.database;
  const dropped = new Map<number, number>();
  let seen = 0;
  const links = walk<LinkRow>(run, (last, limit) =>
    linksAfter(read, last ?? { repositoryId: 0, blobId: 0 }, limit),
  );
  for await (const page of links) {
    seen += page.length;
    run.report({ step: 'looking at blobs of repositories', done: seen });
    for (const { blobId, repositoryId, digest, linkedAt, needed } of page) {
      if (linkedAt >= run.before) continue;
      const goes = !needed || (await allDoomed(run, doomed, digest, repositoryId));
      if (goes) dropped.set(blobId, (dropped.get(blobId) ?? 0) + 1);
    }
  }
  return dropped;
}

async function countBlobs(
  run: Run,
  doomed: ReadonlySet<number>,
  dropped: ReadonlyMap<number, number>,
  taken: Taken,
): Promise<void> {
  let seen = 0;
  const blobs = walk<BlobRow>(run, (last, limit) =>
    blobsAfter(run.database.read, last?.id ?? 0, limit),
  );
  for await (const page of blobs) {
    seen += page.length;
    run.report({ step: 'looking at blobs', done: seen });
    for (const { id, size, digest, createdAt, links } of page) {
      if (createdAt >= run.before || links > (dropped.get(id) ?? 0)) continue;
      if (!(await allDoomed(run, doomed, digest))) continue;
      taken.blobs++;
      taken.bytes += size;
    }
  }
}

async function countFiles(run: Run, taken: Taken): Promise<void> {
  const { database, now } = run;
  for await (const files of oldFiles(run)) {
    const keys = files.map(({ key }) => key);
    const underWay = await keysOfUploadsUnderWay(database.read, keys, now());
    const known = await keysOfBlobs(database.read, keys);
    const orphans = files.filter(({ key }) => !underWay.has(key) && !known.has(key));
    taken.files += orphans.length;
    for (const { size } of orphans) taken.bytes += size;
  }
}

async function allDoomed(
  { database }: Run,
  doomed: ReadonlySet<number>,
  digest: string,
  repositoryId?: number,
): Promise<boolean> {
  const naming = await manifestsNaming(database.read, digest, repositoryId);
  return naming.every((id) => doomed.has(id));
}
