import { blobEdges } from '#features/registry/writes';
import type { Reader } from '#server/database/database.ts';
import type { RepositoryGraph } from './manifests.ts';

/** Until when files may still be deleted that were begun with before a hold; undefined: none is. */
export async function deletionsUnderWay(read: Reader, now: number): Promise<number | undefined> {
  const row = await read
    .selectFrom('deletions')
    .select((row) => row.fn.max('lease_until').as('until'))
    .where('lease_until', '>', now)
    .executeTakeFirst();
  return row?.until ?? undefined;
}

export interface RepositoryRow {
  readonly id: number;
  readonly name: string;
}

/** The next repositories by id; only those with orphaned manifests where `orphansOnly`. */
export function repositoriesAfter(
  read: Reader,
  { after, limit, orphansOnly }: { after: number; limit: number; orphansOnly: boolean },
): Promise<readonly RepositoryRow[]> {
  const all = read
    .selectFrom('repositories')
    .select(['id', 'name'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit);
  if (!orphansOnly) return all.execute();
  return all
    .where((row) =>
      row.exists(
        row
          .selectFrom('manifest_orphans')
          .innerJoin('manifests', 'manifests.id', 'manifest_orphans.manifest_id')
          .select('manifests.id')
          .whereRef('manifests.repository_id', '=', 'repositories.id'),
      ),
    )
    .execute();
}

const rowsAtOnce = 1_000;

/** Everything about the manifests of a repository that decides which stay, in small pages. */
export async function graphOf(
  read: Reader,
  repositoryId: number,
  breathe: () => Promise<void>,
): Promise<RepositoryGraph> {
  const manifests = await inPages((after) =>
    read
      .selectFrom('manifests')
      .leftJoin('manifest_leases', 'manifest_leases.manifest_id', 'manifests.id')
      .leftJoin('manifest_orphans', 'manifest_orphans.manifest_id', 'manifests.id')
      .select([
        'manifests.id',
        'manifests.digest',
        'manifests.subject_digest as subject',
        'manifests.created_at as createdAt',
        'manifest_leases.leased_at as leasedAt',
        'manifest_orphans.orphaned_at as orphanedAt',
      ])
      .where('manifests.repository_id', '=', repositoryId)
      .where('manifests.id', '>', after)
      .orderBy('manifests.id')
      .limit(rowsAtOnce)
      .execute(),
  );
  const tags = await inPages((after) =>
    read
      .selectFrom('tags')
      .select(['id', 'name', 'manifest_id as manifestId'])
      .where('repository_id', '=', repositoryId)
      .where('id', '>', after)
      .orderBy('id')
      .limit(rowsAtOnce)
      .execute(),
  );
  const children: { manifestId: number; digest: string }[] = [];
  for (let start = 0; start < manifests.length; start += rowsAtOnce) {
    const rows = await read
      .selectFrom('manifest_refs')
      .select(['manifest_id as manifestId', 'digest'])
      .where(
        'manifest_id',
        'in',
        manifests.slice(start, start + rowsAtOnce).map(({ id }) => id),
      )
      .where('kind', '=', 'child')
      .execute();
    for (const row of rows) children.push(row);
    await breathe();
  }
  return {
    manifests: manifests.map(({ id, digest, subject, createdAt, leasedAt, orphanedAt }) => ({
      id,
      digest,
      subject: subject ?? undefined,
      heldAt: Math.max(createdAt, leasedAt ?? 0),
      orphanedAt: orphanedAt ?? undefined,
    })),
    tags,
    children,
  };

  async function inPages<Row extends { readonly id: number }>(
    page: (after: number) => Promise<readonly Row[]>,
  ): Promise<Row[]> {
    const rows: Row[] = [];
    for (;;) {
      const next = await page(rows.at(-1)?.id ?? 0);
      for (const row of next) rows.push(row);
      await breathe();
      if (next.length < rowsAtOnce) return rows;
    }
  }
}

export interface LinkRow {
  readonly repositoryId: number;
  readonly blobId: number;
  readonly digest: string;
  readonly linkedAt: number;
  /** Whether a manifest of the repository names the blob. */
  readonly needed: boolean;
}

/** The next links in the order of repository and blob. */
export async function linksAfter(
  read: Reader,
  after: { readonly repositoryId: number; readonly blobId: number },
  limit: number,
): Promise<readonly LinkRow[]> {
  const rows = await read
    .selectFrom('repository_blobs')
    .innerJoin('blobs', 'blobs.id', 'repository_blobs.blob_id')
    .select([
      'repository_blobs.repository_id as repositoryId',
      'repository_blobs.blob_id as blobId',
      'blobs.digest',
      'repository_blobs.linked_at as linkedAt',
    ])
    .select((link) =>
      link
        .exists(
          link
            .selectFrom('manifest_refs')
            .select('manifest_refs.manifest_id')
            .whereRef('manifest_refs.digest', '=', 'blobs.digest')
            .whereRef('manifest_refs.repository_id', '=', 'repository_blobs.repository_id')
            .where('manifest_refs.kind', 'in', blobEdges),
        )
        .as('needed'),
    )
    .where(({ eb, refTuple, tuple }) =>
      eb(
        refTuple('repository_blobs.repository_id', 'repository_blobs.blob_id'),
        '>',
        tuple(after.repositoryId, after.blobId),
      ),
    )
    .orderBy('repository_blobs.repository_id')
    .orderBy('repository_blobs.blob_id')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...row, needed: Boolean(row.needed) }));
}

export interface BlobRow {
  readonly id: number;
  readonly size: number;
  readonly digest: string;
  readonly createdAt: number;
  readonly links: number;
}

/** The next live blobs by id, with how many repositories hold each. */
export function blobsAfter(
  read: Reader,
  after: number,
  limit: number,
): Promise<readonly BlobRow[]> {
  return read
    .selectFrom('blobs')
    .select(['id', 'size', 'digest', 'created_at as createdAt'])
    .select((blob) =>
      blob
        .selectFrom('repository_blobs')
        .select((row) => row.fn.countAll<number>().as('links'))
        .whereRef('repository_blobs.blob_id', '=', 'blobs.id')
        .$asScalar()
        .$notNull()
        .as('links'),
    )
    .where('state', '=', 'live')
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** The manifests that name a blob, in one repository or in all. */
export async function manifestsNaming(
  read: Reader,
  digest: string,
  repositoryId?: number,
): Promise<readonly number[]> {
  const rows = await read
    .selectFrom('manifest_refs')
    .select('manifest_id as id')
    .where('digest', '=', digest)
    .where('kind', 'in', blobEdges)
    .$if(repositoryId !== undefined, (all) =>
      all.where('repository_id', '=', repositoryId as number),
    )
    .execute();
  return rows.map(({ id }) => id);
}

export interface DeletingBlob {
  readonly id: number;
  readonly storageKey: string;
}

/** Blobs that exist no more, and may have files still. */
export function deletingBlobs(
  read: Reader,
  after: number,
  limit: number,
): Promise<readonly DeletingBlob[]> {
  return read
    .selectFrom('blobs')
    .select(['id', 'storage_key as storageKey'])
    .where('state', '=', 'deleting')
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Those of `keys` that belong to a blob, whatever its state. */
export async function keysOfBlobs(
  read: Reader,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await read
    .selectFrom('blobs')
    .select('storage_key')
    .where('storage_key', 'in', keys)
    .execute();
  return new Set(rows.map((row) => row.storage_key));
}

/** Those of `keys` that belong to an upload which a request works on. */
export async function keysOfUploadsUnderWay(
  read: Reader,
  keys: readonly string[],
  now: number,
): Promise<ReadonlySet<string>> {
  const rows = await read
    .selectFrom('uploads')
    .select('storage_key')
    .where('storage_key', 'in', keys)
    .where('lease_until', '>', now)
    .execute();
  return new Set(rows.map((row) => row.storage_key));
}
