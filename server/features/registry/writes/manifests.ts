import { OciError } from '#oci/errors.ts';
import type { Transaction, Write } from '#server/database/database.ts';
import { forShare, forUpdate } from '#server/database/locking.ts';
import { emit } from '#server/events/events.ts';
import { ensureRepository, type Pusher, repositoryIdOf } from './repositories.ts';

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
    await requireBlobs(transaction, repositoryId, input);
    const manifestId = await insertManifest(transaction, repositoryId, input);
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

async function requireBlobs(
  transaction: Transaction,
  repositoryId: number,
  { requiredBlobs, repository }: PutManifest,
): Promise<void> {
  const required = [...new Set(requiredBlobs)].sort();
  for (let start = 0; start < required.length; start += rowsAtOnce) {
    const wanted = required.slice(start, start + rowsAtOnce);
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
    const missing = wanted.find((digest) => !present.has(digest));
    if (missing !== undefined) {
      throw new OciError(
        'MANIFEST_BLOB_UNKNOWN',
        `The manifest names ${missing}, which ${repository} does not hold: push that blob first.`,
        { digest: missing },
      );
    }
  }
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
    if (present !== undefined) return present.id;
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

export interface DeleteManifest {
  readonly repository: string;
  readonly digest: string;
  readonly by: string;
  readonly now: number;
}

/** Deletes a manifest and every tag that points at it. False when there is none. */
export const deleteManifest: Write<DeleteManifest, boolean> = {
  name: 'registry.deleteManifest',
  durability: 'durable',
  async run(transaction, { repository, digest, by, now }) {
    const repositoryId = await repositoryIdOf(transaction, repository);
    if (repositoryId === undefined) return false;
    // Locked before its tags, as a push does it.
    const manifest = await forUpdate(
      transaction,
      transaction
        .selectFrom('manifests')
        .select('id')
        .where('repository_id', '=', repositoryId)
        .where('digest', '=', digest),
    ).executeTakeFirst();
    if (manifest === undefined) return false;
    const tags = await transaction
      .deleteFrom('tags')
      .where('manifest_id', '=', manifest.id)
      .returning('name')
      .execute();
    await transaction.deleteFrom('manifests').where('id', '=', manifest.id).execute();
    await emit(
      transaction,
      { type: 'manifest.deleted', repository, digest, tags: tags.map(({ name }) => name), by },
      now,
    );
    return true;
  },
};

export interface DeleteTag {
  readonly repository: string;
  readonly tag: string;
  readonly by: string;
  readonly now: number;
}

/** Deletes a tag and leaves its manifest. False when there is none. */
export const deleteTag: Write<DeleteTag, boolean> = {
  name: 'registry.deleteTag',
  durability: 'durable',
  async run(transaction, { repository, tag, by, now }) {
    const repositoryId = await repositoryIdOf(transaction, repository);
    if (repositoryId === undefined) return false;
    const deleted = await transaction
      .deleteFrom('tags')
      .where('repository_id', '=', repositoryId)
      .where('name', '=', tag)
      .returning('manifest_id')
      .executeTakeFirst();
    if (deleted === undefined) return false;
    const { digest } = await transaction
      .selectFrom('manifests')
      .select('digest')
      .where('id', '=', deleted.manifest_id)
      .executeTakeFirstOrThrow();
    await emit(transaction, { type: 'tag.deleted', repository, digest, tag, by }, now);
    return true;
  },
};
