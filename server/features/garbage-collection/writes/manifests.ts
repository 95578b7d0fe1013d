import { blobEdges, digestOfDependentTag, removeManifest } from '#features/registry/writes';
import type { Transaction, Write } from '#server/database/database.ts';
import { forUpdateSkipLocked } from '#server/database/locking.ts';
import type { Timed } from './timed.ts';

export interface CollectManifests {
  readonly repository: string;
  readonly repositoryId: number;
  /** In the order in which they go. */
  readonly ids: readonly number[];
  /** What was held or orphaned since then stays. */
  readonly before: number;
  readonly deleteUntagged: boolean;
  readonly now: number;
}

/**
 * Deletes those manifests that nobody needs now either: the look that named them is past. What
 * belongs to them may go from then on.
 */
export const collectManifests: Write<CollectManifests, Timed<{ readonly deleted: number }>> = {
  name: 'garbageCollection.collectManifests',
  durability: 'durable',
  async run(transaction, input) {
    const started = performance.now();
    let deleted = 0;
    for (const manifestId of input.ids) {
      if (await collect(transaction, manifestId, input)) deleted++;
    }
    return { deleted, milliseconds: performance.now() - started };
  },
};

async function collect(
  transaction: Transaction,
  manifestId: number,
  { repository, repositoryId, before, deleteUntagged, now }: CollectManifests,
): Promise<boolean> {
  // Who pushes what names it holds it, and keeps it.
  const manifest = await forUpdateSkipLocked(
    transaction,
    transaction
      .selectFrom('manifests')
      .select(['digest', 'subject_digest as subject', 'created_at as createdAt'])
      .where('id', '=', manifestId),
  ).executeTakeFirst();
  if (manifest === undefined || manifest.createdAt >= before) return false;
  const { digest, subject } = manifest;
  const lease = await transaction
    .selectFrom('manifest_leases')
    .select('leased_at')
    .where('manifest_id', '=', manifestId)
    .executeTakeFirst();
  if (lease !== undefined && lease.leased_at >= before) return false;
  const orphan = await transaction
    .selectFrom('manifest_orphans')
    .select('orphaned_at')
    .where('manifest_id', '=', manifestId)
    .executeTakeFirst();
  if (orphan === undefined ? !deleteUntagged : orphan.orphaned_at >= before) return false;
  if (await hasOwner(transaction, repositoryId, digest, subject)) return false;
  if (await hasTag(transaction, repositoryId, manifestId, orphan !== undefined)) return false;
  await removeManifest(transaction, {
    repository,
    repositoryId,
    manifestId,
    digest,
    // So that what belongs to it goes with it.
    orphanedAt: 0,
    linkedBefore: before,
    by: 'garbage collection',
    now,
  });
  return true;
}

async function hasOwner(
  transaction: Transaction,
  repositoryId: number,
  digest: string,
  subject: string | null,
): Promise<boolean> {
  const index = await transaction
    .selectFrom('manifest_refs')
    .select('manifest_id')
    .where('digest', '=', digest)
    .where('repository_id', '=', repositoryId)
    .where('kind', 'in', blobEdges)
    .executeTakeFirst();
  if (index !== undefined) return true;
  return subject !== null && (await isPresent(transaction, repositoryId, subject));
}

/** A tag by which signing tools find what belongs to a manifest counts only as long as that is there. */
async function hasTag(
  transaction: Transaction,
  repositoryId: number,
  manifestId: number,
  isOrphan: boolean,
): Promise<boolean> {
  const tags = await transaction
    .selectFrom('tags')
    .select('name')
    .where('manifest_id', '=', manifestId)
    .execute();
  for (const { name } of tags) {
    const owner = digestOfDependentTag(name);
    if (owner === undefined || !isOrphan) return true;
    if (await isPresent(transaction, repositoryId, owner)) return true;
  }
  return false;
}

async function isPresent(
  transaction: Transaction,
  repositoryId: number,
  digest: string,
): Promise<boolean> {
  const row = await transaction
    .selectFrom('manifests')
    .select('id')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst();
  return row !== undefined;
}
