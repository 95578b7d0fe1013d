import { blobEdges } from '#features/registry/writes';
import type { Write } from '#server/database/database.ts';
import { forUpdateSkipLocked } from '#server/database/locking.ts';
import type { Timed } from './timed.ts';

export interface DropLinks {
  readonly repositoryId: number;
  readonly blobIds: readonly number[];
  /** Links that were made or renewed since then stay. */
  readonly before: number;
}

/** Takes blobs from a repository that no manifest of it needs. */
export const dropLinks: Write<DropLinks, Timed<{ readonly dropped: number }>> = {
  name: 'garbageCollection.dropLinks',
  durability: 'durable',
  async run(transaction, { repositoryId, blobIds, before }) {
    const started = performance.now();
    // A push of a manifest holds its blobs until its edges can be seen; the second statement sees them.
    const locked = await forUpdateSkipLocked(
      transaction,
      transaction.selectFrom('blobs').select('id').where('id', 'in', blobIds).orderBy('digest'),
    ).execute();
    let dropped = 0n;
    if (locked.length > 0) {
      const { numDeletedRows } = await transaction
        .deleteFrom('repository_blobs')
        .where('repository_id', '=', repositoryId)
        .where(
          'blob_id',
          'in',
          locked.map(({ id }) => id),
        )
        .where('linked_at', '<', before)
        .where((link) =>
          link.not(
            link.exists(
              link
                .selectFrom('blobs')
                .innerJoin('manifest_refs', 'manifest_refs.digest', 'blobs.digest')
                .select('manifest_refs.manifest_id')
                .whereRef('blobs.id', '=', 'repository_blobs.blob_id')
                .where('manifest_refs.repository_id', '=', repositoryId)
                .where('manifest_refs.kind', 'in', blobEdges),
            ),
          ),
        )
        .executeTakeFirst();
      dropped = numDeletedRows;
    }
    return { dropped: Number(dropped), milliseconds: performance.now() - started };
  },
};

export interface DoomBlobs {
  readonly ids: readonly number[];
  /** Blobs that came since then stay. */
  readonly before: number;
}

export interface DoomedBlob {
  readonly id: number;
  readonly size: number;
}

/** Blobs that no repository holds and no manifest names exist no more for anybody from then on. */
export const doomBlobs: Write<DoomBlobs, Timed<{ readonly doomed: readonly DoomedBlob[] }>> = {
  name: 'garbageCollection.doomBlobs',
  durability: 'durable',
  async run(transaction, { ids, before }) {
    const started = performance.now();
    // Who links one holds it; the second statement sees the link.
    const locked = await forUpdateSkipLocked(
      transaction,
      transaction
        .selectFrom('blobs')
        .select('id')
        .where('id', 'in', ids)
        .where('state', '=', 'live')
        .orderBy('digest'),
    ).execute();
    const doomed =
      locked.length === 0
        ? []
        : await transaction
            .updateTable('blobs')
            .set({ state: 'deleting' })
            .where(
              'id',
              'in',
              locked.map(({ id }) => id),
            )
            .where('state', '=', 'live')
            .where('created_at', '<', before)
            .where((blob) =>
              blob.not(
                blob.exists(
                  blob
                    .selectFrom('repository_blobs')
                    .select('repository_blobs.blob_id')
                    .whereRef('repository_blobs.blob_id', '=', 'blobs.id'),
                ),
              ),
            )
            .where((blob) =>
              blob.not(
                blob.exists(
                  blob
                    .selectFrom('manifest_refs')
                    .select('manifest_refs.manifest_id')
                    .whereRef('manifest_refs.digest', '=', 'blobs.digest')
                    .where('manifest_refs.kind', 'in', blobEdges),
                ),
              ),
            )
            .returning(['id', 'size'])
            .execute();
    return { doomed, milliseconds: performance.now() - started };
  },
};

/** Forgets blobs whose files are gone. */
export const forgetBlobs: Write<{ readonly ids: readonly number[] }, Timed<object>> = {
  name: 'garbageCollection.forgetBlobs',
  durability: 'durable',
  async run(transaction, { ids }) {
    const started = performance.now();
    await transaction
      .deleteFrom('blobs')
      .where('id', 'in', ids)
      .where('state', '=', 'deleting')
      .execute();
    return { milliseconds: performance.now() - started };
  },
};
