import { ensureProject } from '#features/projects/writes';
import { parseManifest } from '#oci/manifest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import type { Transaction } from '#server/database/database.ts';
import { edgesOf } from '#server/features/registry/edges.ts';
import { type Blob, blobOf } from '../clients.ts';
import type { BlobFiles, StoredBlob } from './blob-files.ts';
import { type Plan, placeOfTag, repositoryName, tagName } from './plan.ts';

/** PostgreSQL takes 65,535 parameters in a statement, SQLite 32,766. */
const rowsAtOnce = 1000;
const day = 24 * 60 * 60 * 1000;

interface Image {
  readonly repositoryId: number;
  readonly blobs: readonly StoredBlob[];
  readonly bytes: Uint8Array;
}

/**
 * Fills an empty project with the rows that pushes leave when their events were heard.
 * @param onManifests told how many more there are
 */
export async function fillProject(
  transaction: Transaction,
  files: BlobFiles,
  plan: Plan,
  onManifests: (count: number) => void,
): Promise<void> {
  const now = Date.now();
  const repositoryIds = await insertRepositories(transaction, plan, now);
  // Shared blobs come again in every batch; those of one manifest are forgotten after it.
  const shared = plan.blobs === 'shared' ? linkerOf(transaction, now) : undefined;
  const manifestIds = new Float64Array(plan.manifests);
  const common = plan.blobs === 'shared' ? makeBlobs(files, plan.layers) : undefined;

  for (let start = 0; start < plan.manifests; start += rowsAtOnce) {
    const end = Math.min(start + rowsAtOnce, plan.manifests);
    const images = range(start, end).map((index): Image => {
      const blobs = common ?? makeBlobs(files, plan.layers);
      const repositoryId = repositoryIds[index % plan.repositories] as number;
      return { repositoryId, blobs, bytes: manifestOf(blobs, index) };
    });
    await (shared ?? linkerOf(transaction, now)).link(images);
    const ids = await insertManifests(transaction, images, now);
    ids.forEach((id, offset) => {
      manifestIds[start + offset] = id;
    });
    onManifests(end - start);
  }

  for (let start = 0; start < plan.tags; start += rowsAtOnce) {
    const rows = range(start, Math.min(start + rowsAtOnce, plan.tags)).map((tag) => {
      const { repository, index, manifest } = placeOfTag(plan, tag);
      return {
        repository_id: repositoryIds[repository] as number,
        name: tagName(plan, index),
        manifest_id: manifestIds[manifest] as number,
        created_at: now,
        updated_at: now,
      };
    });
    await transaction.insertInto('tags').values(rows).execute();
  }
  await insertGarbage(transaction, files, plan, repositoryIds[0] as number);
}

function makeBlobs(files: BlobFiles, layers: number): StoredBlob[] {
  const made = range(0, layers).map(() => files.layer());
  return [files.config(made), ...made];
}

function manifestOf([config, ...layers]: readonly StoredBlob[], index: number): Uint8Array {
  if (config === undefined) throw new RangeError('An image has a config');
  const descriptor = (mediaType: string, { digest, bytes }: Blob) => ({
    mediaType,
    digest,
    size: bytes.byteLength,
  });
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.oci.manifest,
      config: descriptor(mediaTypes.oci.config, config),
      layers: layers.map((layer) => descriptor(mediaTypes.oci.layerGzip, layer)),
      // Images with the same blobs are told apart.
      annotations: { 'org.opencontainers.image.version': String(index) },
    }),
  );
}

async function insertRepositories(
  transaction: Transaction,
  plan: Plan,
  now: number,
): Promise<number[]> {
  const projectId = await ensureProject(transaction, { name: plan.project, ownerId: null, now });
  const ids: number[] = [];
  for (let start = 0; start < plan.repositories; start += rowsAtOnce) {
    const names = range(start, Math.min(start + rowsAtOnce, plan.repositories)).map((index) =>
      repositoryName(plan, index),
    );
    const rows = await transaction
      .insertInto('repositories')
      .values(
        names.map((name) => ({
          project_id: projectId,
          name,
          description: '',
          created_at: now,
          updated_at: now,
        })),
      )
      .returning(['id', 'name'])
      .execute();
    const idOf = new Map(rows.map(({ id, name }) => [name, id]));
    ids.push(...names.map((name) => idOf.get(name) as number));
  }
  return ids;
}

/** Inserts blobs that are new, and links each to the repositories of its images. */
function linkerOf(transaction: Transaction, now: number) {
  const ids = new Map<string, number>();
  const links = new Set<string>();

  async function link(images: readonly Image[]): Promise<void> {
    const fresh = new Map<string, StoredBlob>();
    for (const { blobs } of images) {
      for (const blob of blobs) if (!ids.has(blob.digest)) fresh.set(blob.digest, blob);
    }
    for (const [digest, id] of await insertBlobs(transaction, [...fresh.values()], now)) {
      ids.set(digest, id);
    }
    const rows = images.flatMap(({ repositoryId, blobs }) =>
      blobs.flatMap(({ digest }) => {
        const blobId = ids.get(digest) as number;
        const name = `${repositoryId} ${blobId}`;
        if (links.has(name)) return [];
        links.add(name);
        return [{ repository_id: repositoryId, blob_id: blobId, linked_at: now }];
      }),
    );
    await insertLinks(transaction, rows);
  }

  return { link };
}

async function insertBlobs(
  transaction: Transaction,
  blobs: readonly StoredBlob[],
  now: number,
): Promise<Map<string, number>> {
  const ids = new Map<string, number>();
  for (let start = 0; start < blobs.length; start += rowsAtOnce) {
    const rows = await transaction
      .insertInto('blobs')
      .values(
        blobs.slice(start, start + rowsAtOnce).map(({ digest, bytes, storageKey }) => ({
          digest,
          size: bytes.byteLength,
          storage_key: storageKey,
          state: 'live' as const,
          created_at: now,
        })),
      )
      .returning(['id', 'digest'])
      .execute();
    for (const { id, digest } of rows) ids.set(digest, id);
  }
  return ids;
}

interface Link {
  readonly repository_id: number;
  readonly blob_id: number;
  readonly linked_at: number;
}

async function insertLinks(transaction: Transaction, links: readonly Link[]): Promise<void> {
  for (let start = 0; start < links.length; start += rowsAtOnce) {
    await transaction
      .insertInto('repository_blobs')
      .values(links.slice(start, start + rowsAtOnce))
      .execute();
  }
}

/** @returns the manifests' ids, in the order of the images */
async function insertManifests(
  transaction: Transaction,
  images: readonly Image[],
  now: number,
): Promise<number[]> {
  const parsed = images.map(({ repositoryId, bytes }) => ({
    repositoryId,
    bytes,
    digest: blobOf(bytes).digest,
    manifest: parseManifest(bytes, mediaTypes.oci.manifest),
  }));
  const rows = await transaction
    .insertInto('manifests')
    .values(
      parsed.map(({ repositoryId, bytes, digest, manifest }) => ({
        repository_id: repositoryId,
        digest,
        media_type: manifest.mediaType,
        artifact_type: manifest.artifactType ?? null,
        subject_digest: manifest.subject?.digest ?? null,
        annotations: JSON.stringify(manifest.annotations),
        bytes,
        size: bytes.byteLength,
        created_at: now,
      })),
    )
    .returning(['id', 'repository_id', 'digest'])
    .execute();
  const idOf = new Map(rows.map((row) => [`${row.repository_id} ${row.digest}`, row.id]));
  const ids = parsed.map(
    ({ repositoryId, digest }) => idOf.get(`${repositoryId} ${digest}`) as number,
  );
  const edges = parsed.flatMap(({ repositoryId, manifest }, offset) =>
    edgesOf(manifest).map(({ kind, digest, mediaType, size }, position) => ({
      manifest_id: ids[offset] as number,
      position,
      repository_id: repositoryId,
      kind,
      digest,
      media_type: mediaType,
      size,
    })),
  );
  for (let start = 0; start < edges.length; start += rowsAtOnce) {
    await transaction
      .insertInto('manifest_refs')
      .values(edges.slice(start, start + rowsAtOnce))
      .execute();
  }
  return ids;
}

/** As pushes leave them that never came to their manifest. */
async function insertGarbage(
  transaction: Transaction,
  files: BlobFiles,
  { garbage }: Plan,
  repositoryId: number,
): Promise<void> {
  const pushed = Date.now() - 2 * day;
  for (let start = 0; start < garbage; start += rowsAtOnce) {
    const blobs = range(start, Math.min(start + rowsAtOnce, garbage)).map(() => files.layer());
    const ids = [...(await insertBlobs(transaction, blobs, pushed)).values()];
    await insertLinks(
      transaction,
      ids.map((id) => ({ repository_id: repositoryId, blob_id: id, linked_at: pushed })),
    );
  }
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, offset) => start + offset);
}
