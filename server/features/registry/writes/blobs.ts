import { sql } from 'kysely';
import type { Transaction, Write } from '#server/database/database.ts';
import { forShare, forUpdate } from '#server/database/locking.ts';
import { blobEdges } from './links.ts';
import { ensureRepository, type Pusher, repositoryIdOf } from './repositories.ts';

export interface LinkUploadedBlob {
  readonly repository: string;
  readonly pusher: Pusher;
  readonly digest: string;
  readonly size: number;
  readonly storageKey: string;
  readonly now: number;
}

export interface LinkedBlob {
  /** False when the same content was there already: the upload's own bytes are then not needed. */
  readonly kept: boolean;
  /** Where damaged bytes lie that the upload stands in for from now on. */
  readonly replaced: string | undefined;
}

/**
 * Makes an upload whose bytes are on stable storage the repository's blob. A blob of the same
 * content whose bytes were lost has them again, in every repository that links it.
 */
export const linkUploadedBlob: Write<LinkUploadedBlob, LinkedBlob> = {
  name: 'registry.linkUploadedBlob',
  durability: 'durable',
  async run(transaction, { repository, pusher, digest, size, storageKey, now }) {
    const repositoryId = await ensureRepository(transaction, repository, pusher, now);
    // Again when a collector took the blob, or another push healed it, between the statements.
    for (;;) {
      const inserted = await transaction
        .insertInto('blobs')
        .values({ digest, size, storage_key: storageKey, state: 'live', created_at: now })
        .onConflict((conflict) =>
          conflict.column('digest').where('state', '=', sql.lit('live')).doNothing(),
        )
        .returning('id')
        .executeTakeFirst();
      const present = inserted?.id ?? (await readableBlobId(transaction, digest));
      if (present !== undefined) {
        await link(transaction, repositoryId, present, now);
        return { kept: inserted !== undefined, replaced: undefined };
      }
      const lost = await lostBlob(transaction, digest);
      if (lost === undefined) continue;
      await transaction
        .updateTable('blobs')
        .set({ storage_key: storageKey, lost_at: null })
        .where('id', '=', lost.id)
        .execute();
      await link(transaction, repositoryId, lost.id, now);
      return { kept: true, replaced: lost.storage_key };
    }
  },
};

export interface MountBlob {
  readonly repository: string;
  readonly pusher: Pusher;
  /** Repositories that the caller may pull, any of which proves access to the blob. */
  readonly sources: readonly string[];
  readonly digest: string;
  readonly now: number;
}

/** Links a blob that another repository holds. `mounted` is false when none of the sources does. */
export const mountBlob: Write<MountBlob, { readonly mounted: boolean }> = {
  name: 'registry.mountBlob',
  durability: 'durable',
  async run(transaction, { repository, pusher, sources, digest, now }) {
    const blob = await forShare(
      transaction,
      transaction
        .selectFrom('blobs')
        .select('blobs.id')
        .where('blobs.digest', '=', digest)
        .where('blobs.state', '=', 'live')
        .where('blobs.lost_at', 'is', null)
        .where('blobs.id', 'in', (inner) =>
          inner
            .selectFrom('repository_blobs')
            .innerJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
            .select('repository_blobs.blob_id')
            .where('repositories.name', 'in', sources),
        ),
    ).executeTakeFirst();
    if (blob === undefined) return { mounted: false };
    const repositoryId = await ensureRepository(transaction, repository, pusher, now);
    await link(transaction, repositoryId, blob.id, now);
    return { mounted: true };
  },
};

export interface RenewBlobLink {
  readonly id: number;
  readonly repositoryId: number;
  readonly now: number;
}

/** Keeps a blob from being collected a while longer. False when it is gone by now. */
export const renewBlobLink: Write<RenewBlobLink, boolean> = {
  name: 'registry.renewBlobLink',
  durability: 'durable',
  async run(transaction, { id, repositoryId, now }) {
    const live = await forShare(
      transaction,
      transaction
        .selectFrom('blobs')
        .select('id')
        .where('id', '=', id)
        .where('state', '=', 'live')
        .where('lost_at', 'is', null),
    ).executeTakeFirst();
    if (live === undefined) return false;
    const { numUpdatedRows } = await transaction
      .updateTable('repository_blobs')
      .set({ linked_at: now })
      .where('repository_id', '=', repositoryId)
      .where('blob_id', '=', id)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  },
};

export interface UnlinkBlob {
  readonly repository: string;
  readonly digest: string;
}

/**
 * Takes a blob from a repository. `in-use` while a manifest of the repository needs it: taking it
 * would break pulls that work.
 */
export const unlinkBlob: Write<UnlinkBlob, 'unlinked' | 'unknown' | 'in-use'> = {
  name: 'registry.unlinkBlob',
  durability: 'durable',
  async run(transaction, { repository, digest }) {
    const repositoryId = await repositoryIdOf(transaction, repository);
    if (repositoryId === undefined) return 'unknown';
    // Alone, so that no push of a manifest that needs it is under way between look and deletion.
    const blob = await forUpdate(
      transaction,
      transaction
        .selectFrom('blobs')
        .select('id')
        .where('digest', '=', digest)
        .where('state', '=', 'live'),
    ).executeTakeFirst();
    if (blob === undefined) return 'unknown';
    const reference = await transaction
      .selectFrom('manifest_refs')
      .select('manifest_id')
      .where('digest', '=', digest)
      .where('repository_id', '=', repositoryId)
      .where('kind', 'in', blobEdges)
      .executeTakeFirst();
    if (reference !== undefined) return 'in-use';
    const { numDeletedRows } = await transaction
      .deleteFrom('repository_blobs')
      .where('repository_id', '=', repositoryId)
      .where('blob_id', '=', blob.id)
      .executeTakeFirst();
    return numDeletedRows > 0n ? 'unlinked' : 'unknown';
  },
};

/** Locked, so that a collector cannot take it between the look and the link. */
async function readableBlobId(
  transaction: Transaction,
  digest: string,
): Promise<number | undefined> {
  const row = await forShare(
    transaction,
    transaction
      .selectFrom('blobs')
      .select('id')
      .where('digest', '=', digest)
      .where('state', '=', 'live')
      .where('lost_at', 'is', null),
  ).executeTakeFirst();
  return row?.id;
}

/** Locked, so that one push alone heals it. */
async function lostBlob(transaction: Transaction, digest: string) {
  return forUpdate(
    transaction,
    transaction
      .selectFrom('blobs')
      .select(['id', 'storage_key'])
      .where('digest', '=', digest)
      .where('state', '=', 'live')
      .where('lost_at', 'is not', null),
  ).executeTakeFirst();
}

async function link(
  transaction: Transaction,
  repositoryId: number,
  blobId: number,
  now: number,
): Promise<void> {
  await transaction
    .insertInto('repository_blobs')
    .values({ repository_id: repositoryId, blob_id: blobId, linked_at: now })
    .onConflict((conflict) =>
      conflict.columns(['repository_id', 'blob_id']).doUpdateSet({ linked_at: now }),
    )
    .execute();
}
