import type { Transaction, Write } from '#server/database/database.ts';
import { forShare, forUpdate } from '#server/database/locking.ts';
import { emit } from '#server/events/events.ts';
import { dependentsOf, orphan } from './dependents.ts';
import { blobEdges, dropUnneededLinks } from './links.ts';
import { leaseManifests } from './manifest-leases.ts';
import { repositoryIdOf } from './repositories.ts';

export interface DoomedManifest {
  readonly repository: string;
  readonly repositoryId: number;
  readonly manifestId: number;
  readonly digest: string;
  /** When what belongs to it became nobody's. */
  readonly orphanedAt: number;
  /** Links of its blobs that were made or renewed since then stay. */
  readonly linkedBefore: number;
  readonly by: string;
  readonly now: number;
}

/** Deletes a manifest that is locked, with its tags and the links that it alone needed. */
export async function removeManifest(
  transaction: Transaction,
  manifest: DoomedManifest,
): Promise<void> {
  const { repository, repositoryId, manifestId, digest, by, now } = manifest;
  const edges = await transaction
    .selectFrom('manifest_refs')
    .select(['kind', 'digest'])
    .where('manifest_id', '=', manifestId)
    .where('kind', 'in', blobEdges)
    .execute();
  const children = edges.filter(({ kind }) => kind === 'child').map((edge) => edge.digest);
  const dependents = await dependentsOf(transaction, {
    repositoryId,
    manifestId,
    digest,
    children: [...new Set(children)],
  });
  const tags = await transaction
    .deleteFrom('tags')
    .where('manifest_id', '=', manifestId)
    .returning('name')
    .execute();
  await transaction.deleteFrom('manifests').where('id', '=', manifestId).execute();
  await orphan(transaction, dependents, manifest.orphanedAt);
  await dropUnneededLinks(transaction, {
    repositoryId,
    digests: [...new Set(edges.map((edge) => edge.digest))].sort(),
    linkedBefore: manifest.linkedBefore,
  });
  await emit(
    transaction,
    { type: 'manifest.deleted', repository, digest, tags: tags.map(({ name }) => name), by },
    now,
  );
}

export interface DeleteManifest {
  readonly repository: string;
  readonly digest: string;
  /** Links of its blobs that were made or renewed since then stay for a collection. */
  readonly linkedBefore: number;
  readonly by: string;
  readonly now: number;
}

/** Deletes a manifest and every tag that points at it. False when there is none. */
export const deleteManifest: Write<DeleteManifest, boolean> = {
  name: 'registry.deleteManifest',
  durability: 'durable',
  async run(transaction, { repository, digest, linkedBefore, by, now }) {
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
    await removeManifest(transaction, {
      repository,
      repositoryId,
      manifestId: manifest.id,
      digest,
      orphanedAt: now,
      linkedBefore,
      by,
      now,
    });
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
    // Again when the tag moved between the statements.
    for (;;) {
      const row = await transaction
        .selectFrom('tags')
        .select(['id', 'manifest_id'])
        .where('repository_id', '=', repositoryId)
        .where('name', '=', tag)
        .executeTakeFirst();
      if (row === undefined) return false;
      // Locked before its tag, as a push does it.
      const manifest = await forShare(
        transaction,
        transaction.selectFrom('manifests').select('digest').where('id', '=', row.manifest_id),
      ).executeTakeFirst();
      if (manifest === undefined) continue;
      const { numDeletedRows } = await transaction
        .deleteFrom('tags')
        .where('id', '=', row.id)
        .where('manifest_id', '=', row.manifest_id)
        .executeTakeFirst();
      if (numDeletedRows === 0n) continue;
      // Whoever pulled by that tag may pull by digest a while longer.
      await leaseManifests(transaction, [row.manifest_id], now);
      const { digest } = manifest;
      await emit(transaction, { type: 'tag.deleted', repository, digest, tag, by }, now);
      return true;
    }
  },
};
