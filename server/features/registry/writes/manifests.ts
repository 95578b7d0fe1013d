import { OciError } from '#oci/errors.ts';
import type { Transaction, Write } from '#server/database/database.ts';
import { forShare, forShareOfSkipLocked } from '#server/database/locking.ts';
import { emit } from '#server/events/events.ts';
import { adoptDependents } from './dependents.ts';
import { leaseManifests } from './manifest-leases.ts';
import { ensureRepository, type Pusher } from './repositories.ts';

export interface ManifestEdge {
  readonly kind: 'config' | 'layer' | 'child' | 'subject';
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
}

export interface PutManifest {
  readonly repository: string;
  readonly pusher: Pusher;
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType: string | null;
  readonly subjectDigest: string | null;
  readonly annotations: string;
  readonly bytes: Uint8Array;
  readonly edges: readonly ManifestEdge[];
  /** Digests that must be blobs of the repository already. */
  readonly requiredBlobs: readonly string[];
  readonly tags: readonly string[];
  readonly by: string;
  readonly now: number;
}

const rowsAtOnce = 500;

/**
 * Manifest, edges, tags and event in one transaction.
 * @throws {OciError} MANIFEST_BLOB_UNKNOWN
 */
export const putManifest: Write<PutManifest, void> = {
  name: 'registry.putManifest',
  durability: 'durable',
  async run(transaction, input) {
    const { repository, digest, tags, now } = input;
    const repositoryId = await ensureRepository(transaction, repository, input.pusher, now);
    await lockBlobs(transaction, repositoryId, input);
    await lockChildren(transaction, repositoryId, input);
    const manifestId = await insertManifest(transaction, repositoryId, input);
    await adoptDependents(transaction, repositoryId, input);
    await leaseUntagged(transaction, repositoryId, manifestId, input);
    // In the order of their names, as blobs are locked in that of their digests.
    for (const name of tags.toSorted()) {
      await transaction
        .insertInto('tags')
        .values({
          repository_id: repositoryId,
          name,
          manifest_id: manifestId,
          created_at: now,
          updated_at: now,
        })
        .onConflict((conflict) =>
          conflict
            .columns(['repository_id', 'name'])
            .doUpdateSet({ manifest_id: manifestId, updated_at: now }),
        )
        .execute();
    }
    await emit(
      transaction,
      { type: 'manifest.pushed', repository, manifestId, digest, tags, by: input.by },
      now,
    );
  },
};

/**
 * Locks what is there of the blobs that the manifest names, so that no collector takes one before
 * the edge to it can be seen, and refuses the manifest when one that it needs is absent.
 */
async function lockBlobs(
  transaction: Transaction,
  repositoryId: number,
  { edges, requiredBlobs, repository }: PutManifest,
): Promise<void> {
  const required = new Set(requiredBlobs);
  const named = digestsOf(edges.filter(({ kind }) => kind !== 'subject'));
  for (let start = 0; start < named.length; start += rowsAtOnce) {
    const wanted = named.slice(start, start + rowsAtOnce);
    // In digest order, so that two pushes never wait for each other in a circle.
    const rows = await forShare(
      transaction,
      transaction
        .selectFrom('blobs')
        .innerJoin('repository_blobs', 'repository_blobs.blob_id', 'blobs.id')
        .select('blobs.digest')
        .where('repository_blobs.repository_id', '=', repositoryId)
        .where('blobs.state', '=', 'live')
        .where('blobs.lost_at', 'is', null)
        .where('blobs.digest', 'in', wanted)
        .orderBy('blobs.digest'),
    ).execute();
    const present = new Set(rows.map((row) => row.digest));
    const missing = wanted.find((digest) => required.has(digest) && !present.has(digest));
    if (missing !== undefined) {
      throw new OciError(
        'MANIFEST_BLOB_UNKNOWN',
        `The manifest names ${missing}, which ${repository} does not hold: push that blob first.`,
        { digest: missing },
      );
    }
  }
}

/** What is there of an index's children stays at least until the index can be seen. */
async function lockChildren(
  transaction: Transaction,
  repositoryId: number,
  { edges }: PutManifest,
): Promise<void> {
  const children = digestsOf(edges.filter(({ kind }) => kind === 'child'));
  for (let start = 0; start < children.length; start += rowsAtOnce) {
    await forShare(
      transaction,
      transaction
        .selectFrom('manifests')
        .select('id')
        .where('repository_id', '=', repositoryId)
        .where('digest', 'in', children.slice(start, start + rowsAtOnce))
        .orderBy('digest'),
    ).execute();
  }
}

function digestsOf(edges: readonly ManifestEdge[]): string[] {
  return [...new Set(edges.map(({ digest }) => digest))].sort();
}

/** What loses its last tag by this push was pulled by that tag a moment ago. */
async function leaseUntagged(
  transaction: Transaction,
  repositoryId: number,
  manifestId: number,
  { tags, now }: PutManifest,
): Promise<void> {
  if (tags.length === 0) return;
  const untagged = await forShareOfSkipLocked(
    transaction,
    transaction
      .selectFrom('tags')
      .innerJoin('manifests', 'manifests.id', 'tags.manifest_id')
      .select('manifests.id')
      .where('tags.repository_id', '=', repositoryId)
      .where('tags.name', 'in', tags)
      .where('manifests.id', '!=', manifestId)
      .orderBy('manifests.id'),
    'manifests',
  ).execute();
  await leaseManifests(
    transaction,
    untagged.map(({ id }) => id),
    now,
  );
}

async function insertManifest(
  transaction: Transaction,
  repositoryId: number,
  input: PutManifest,
): Promise<number> {
  // Again when somebody deleted the manifest between the two statements.
  for (;;) {
    const inserted = await transaction
      .insertInto('manifests')
      .values({
        repository_id: repositoryId,
        digest: input.digest,
        media_type: input.mediaType,
        artifact_type: input.artifactType,
        subject_digest: input.subjectDigest,
        annotations: input.annotations,
        bytes: input.bytes,
        size: input.bytes.byteLength,
        created_at: input.now,
      })
      .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doNothing())
      .returning('id')
      .executeTakeFirst();
    if (inserted !== undefined) {
      await insertEdges(transaction, repositoryId, inserted.id, input.edges);
      return inserted.id;
    }
    // Locked, so that the tags to come do not point at a manifest that is being deleted.
    const present = await forShare(
      transaction,
      transaction
        .selectFrom('manifests')
        .select('id')
        .where('repository_id', '=', repositoryId)
        .where('digest', '=', input.digest),
    ).executeTakeFirst();
    if (present !== undefined) {
      await leaseManifests(transaction, [present.id], input.now);
      return present.id;
    }
  }
}

export async function insertEdges(
  transaction: Transaction,
  repositoryId: number,
  manifestId: number,
  edges: readonly ManifestEdge[],
): Promise<void> {
  const rows = edges.map(({ kind, digest, mediaType, size }, position) => ({
    manifest_id: manifestId,
    repository_id: repositoryId,
    position,
    kind,
    digest,
    media_type: mediaType,
    size,
  }));
  for (let start = 0; start < rows.length; start += rowsAtOnce) {
    await transaction
      .insertInto('manifest_refs')
      .values(rows.slice(start, start + rowsAtOnce))
      .execute();
  }
}
