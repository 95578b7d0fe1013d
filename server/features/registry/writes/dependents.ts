import type { Transaction } from '#server/database/database.ts';

const rowsAtOnce = 500;

/**
 * The tags by which signing tools find what belongs to a manifest, where a registry knows no
 * referrers (OCI distribution 1.1, "Referrers Tag Schema"; cosign's names).
 */
function dependentTagsOf(digest: string): readonly string[] {
  const name = digest.replace(':', '-');
  return [name, `${name}.sig`, `${name}.att`, `${name}.sbom`];
}

/** The digest that `tag` belongs to, where it is such a tag. */
export function digestOfDependentTag(tag: string): string | undefined {
  const match = /^(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})(?:\.(?:sig|att|sbom))?$/.exec(tag);
  return match?.[1]?.replace('-', ':');
}

export interface Dependents {
  readonly repositoryId: number;
  readonly manifestId: number;
  readonly digest: string;
  /** Of the manifest's children. */
  readonly children: readonly string[];
}

/**
 * What belongs to a manifest: its referrers, what its signing tags name, and children that have no
 * tag and no other index.
 */
export async function dependentsOf(
  transaction: Transaction,
  { repositoryId, manifestId, digest, children }: Dependents,
): Promise<readonly number[]> {
  const referrers = await transaction
    .selectFrom('manifests')
    .select('id')
    .where('repository_id', '=', repositoryId)
    .where('subject_digest', '=', digest)
    .execute();
  const tagged = await transaction
    .selectFrom('tags')
    .select('manifest_id as id')
    .where('repository_id', '=', repositoryId)
    .where('name', 'in', dependentTagsOf(digest))
    .execute();
  const ids = new Set([...referrers, ...tagged].map(({ id }) => id));
  for (let start = 0; start < children.length; start += rowsAtOnce) {
    const rows = await transaction
      .selectFrom('manifests')
      .select('manifests.id')
      .where('manifests.repository_id', '=', repositoryId)
      .where('manifests.digest', 'in', children.slice(start, start + rowsAtOnce))
      .where((row) =>
        row.not(
          row.exists(
            row
              .selectFrom('tags')
              .select('tags.id')
              .whereRef('tags.manifest_id', '=', 'manifests.id'),
          ),
        ),
      )
      .where((row) =>
        row.not(
          row.exists(
            row
              .selectFrom('manifest_refs')
              .select('manifest_refs.manifest_id')
              .whereRef('manifest_refs.digest', '=', 'manifests.digest')
              .where('manifest_refs.repository_id', '=', repositoryId)
              .where('manifest_refs.kind', '=', 'child')
              .where('manifest_refs.manifest_id', '!=', manifestId),
          ),
        ),
      )
      .execute();
    for (const { id } of rows) ids.add(id);
  }
  ids.delete(manifestId);
  return [...ids].sort((one, other) => one - other);
}

/** From here on they may be collected, unless something else keeps them by then. */
export async function orphan(
  transaction: Transaction,
  ids: readonly number[],
  orphanedAt: number,
): Promise<void> {
  for (let start = 0; start < ids.length; start += rowsAtOnce) {
    await transaction
      .insertInto('manifest_orphans')
      .values(
        ids.slice(start, start + rowsAtOnce).map((id) => ({
          manifest_id: id,
          orphaned_at: orphanedAt,
        })),
      )
      .onConflict((conflict) => conflict.column('manifest_id').doNothing())
      .execute();
  }
}

/** A manifest that is pushed is no orphan, nor is what belongs to it. */
export async function adoptDependents(
  transaction: Transaction,
  repositoryId: number,
  {
    digest,
    edges,
  }: { digest: string; edges: readonly { readonly kind: string; readonly digest: string }[] },
): Promise<void> {
  const children = edges.filter(({ kind }) => kind === 'child').map((edge) => edge.digest);
  const anyOrphan = await transaction
    .selectFrom('manifest_orphans')
    .select('manifest_id')
    .limit(1)
    .executeTakeFirst();
  if (anyOrphan === undefined) return;
  const digests = [digest, ...new Set(children)];
  for (let start = 0; start < digests.length; start += rowsAtOnce) {
    await transaction
      .deleteFrom('manifest_orphans')
      .where('manifest_id', 'in', (manifests) =>
        manifests
          .selectFrom('manifests')
          .select('id')
          .where('repository_id', '=', repositoryId)
          .where('digest', 'in', digests.slice(start, start + rowsAtOnce)),
      )
      .execute();
  }
  await transaction
    .deleteFrom('manifest_orphans')
    .where('manifest_id', 'in', (manifests) =>
      manifests
        .selectFrom('manifests')
        .select('id')
        .where('repository_id', '=', repositoryId)
        .where('subject_digest', '=', digest),
    )
    .execute();
  await transaction
    .deleteFrom('manifest_orphans')
    .where('manifest_id', 'in', (tags) =>
      tags
        .selectFrom('tags')
        .select('manifest_id')
        .where('repository_id', '=', repositoryId)
        .where('name', 'in', dependentTagsOf(digest)),
    )
    .execute();
}
