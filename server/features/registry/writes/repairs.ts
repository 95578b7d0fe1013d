import type { Write } from '#server/database/database.ts';
import { forShare } from '#server/database/locking.ts';
import { insertEdges, type ManifestEdge } from './manifests.ts';

export interface BlobBytes {
  readonly id: number;
  /** Where they were looked for: a push may have brought others since. */
  readonly storageKey: string;
}

/**
 * Tells everybody from now on that the bytes of a blob are not there, so that clients push them
 * again. False when it is not so any more.
 */
export const markBlobLost: Write<BlobBytes & { readonly now: number }, boolean> = {
  name: 'registry.markBlobLost',
  durability: 'durable',
  async run(transaction, { id, storageKey, now }) {
    const { numUpdatedRows } = await transaction
      .updateTable('blobs')
      .set({ lost_at: now })
      .where('id', '=', id)
      .where('storage_key', '=', storageKey)
      .where('state', '=', 'live')
      .where('lost_at', 'is', null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  },
};

/** Takes a mark back: the bytes are there after all. False when it is not marked. */
export const markBlobFound: Write<BlobBytes, boolean> = {
  name: 'registry.markBlobFound',
  durability: 'durable',
  async run(transaction, { id, storageKey }) {
    const { numUpdatedRows } = await transaction
      .updateTable('blobs')
      .set({ lost_at: null })
      .where('id', '=', id)
      .where('storage_key', '=', storageKey)
      .where('state', '=', 'live')
      .where('lost_at', 'is not', null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  },
};

export interface LinkNeededBlob {
  readonly manifestId: number;
  readonly digest: string;
  readonly now: number;
}

/** Links a blob to the repository of a manifest that needs it. False when there is no such blob. */
export const linkNeededBlob: Write<LinkNeededBlob, boolean> = {
  name: 'registry.linkNeededBlob',
  durability: 'durable',
  async run(transaction, { manifestId, digest, now }) {
    const edge = await transaction
      .selectFrom('manifest_refs')
      .select('repository_id')
      .where('manifest_id', '=', manifestId)
      .where('digest', '=', digest)
      .executeTakeFirst();
    const blob = await forShare(
      transaction,
      transaction
        .selectFrom('blobs')
        .select('id')
        .where('digest', '=', digest)
        .where('state', '=', 'live'),
    ).executeTakeFirst();
    if (edge === undefined || blob === undefined) return false;
    await transaction
      .insertInto('repository_blobs')
      .values({ repository_id: edge.repository_id, blob_id: blob.id, linked_at: now })
      .onConflict((conflict) => conflict.columns(['repository_id', 'blob_id']).doNothing())
      .execute();
    return true;
  },
};

export interface ReplaceEdges {
  readonly manifestId: number;
  readonly edges: readonly ManifestEdge[];
}

/** Puts the edges of a manifest right. False when it was deleted meanwhile. */
export const replaceManifestEdges: Write<ReplaceEdges, boolean> = {
  name: 'registry.replaceManifestEdges',
  durability: 'durable',
  async run(transaction, { manifestId, edges }) {
    const manifest = await forShare(
      transaction,
      transaction.selectFrom('manifests').select('repository_id').where('id', '=', manifestId),
    ).executeTakeFirst();
    if (manifest === undefined) return false;
    await transaction.deleteFrom('manifest_refs').where('manifest_id', '=', manifestId).execute();
    await insertEdges(transaction, manifest.repository_id, manifestId, edges);
    return true;
  },
};
