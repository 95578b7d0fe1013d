import type { Transaction } from '#server/database/database.ts';
import { forUpdateSkipLocked } from '#server/database/locking.ts';

const rowsAtOnce = 500;

/** The kinds of edges that a repository holds a blob for. A child of an index may be a blob. */
export const blobEdges = ['config', 'layer', 'child'] as const;

/**
 * Takes blobs from a repository that no manifest of it needs any more. A link that was made or
 * renewed since `linkedBefore` stays: somebody was told that the blob is there.
 */
export async function dropUnneededLinks(
  transaction: Transaction,
  options: {
    readonly repositoryId: number;
    readonly digests: readonly string[];
    readonly linkedBefore: number;
  },
): Promise<void> {
  const { repositoryId, digests, linkedBefore } = options;
  for (let start = 0; start < digests.length; start += rowsAtOnce) {
    // Who pushes a manifest holds its blobs: those are left to the collector, not waited for.
    const blobs = await forUpdateSkipLocked(
      transaction,
      transaction
        .selectFrom('blobs')
        .select('id')
        .where('digest', 'in', digests.slice(start, start + rowsAtOnce))
        .where('state', '=', 'live')
        .orderBy('digest'),
    ).execute();
    if (blobs.length === 0) continue;
    await transaction
      .deleteFrom('repository_blobs')
      .where('repository_id', '=', repositoryId)
      .where(
        'blob_id',
        'in',
        blobs.map(({ id }) => id),
      )
      .where('linked_at', '<', linkedBefore)
      .where((link) =>
        link.not(
          link.exists(
            link
              .selectFrom('manifest_refs')
              .innerJoin('blobs', 'blobs.digest', 'manifest_refs.digest')
              .select('manifest_refs.manifest_id')
              .whereRef('blobs.id', '=', 'repository_blobs.blob_id')
              .where('manifest_refs.repository_id', '=', repositoryId)
              .where('manifest_refs.kind', 'in', blobEdges),
          ),
        ),
      )
      .execute();
  }
}
