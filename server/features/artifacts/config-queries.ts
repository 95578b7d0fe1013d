import type { Reader } from '#server/database/database.ts';

/** Undefined when the repository holds no such blob. */
export async function storageKeyOf(
  read: Reader,
  repositoryId: number,
  digest: string,
): Promise<string | undefined> {
  const row = await read
    .selectFrom('blobs')
    .innerJoin('repository_blobs', 'repository_blobs.blob_id', 'blobs.id')
    .select('blobs.storage_key')
    .where('repository_blobs.repository_id', '=', repositoryId)
    .where('blobs.digest', '=', digest)
    .where('blobs.state', '=', 'live')
    .executeTakeFirst();
  return row?.storage_key;
}

export interface ConfigRow {
  readonly repositoryId: number;
  readonly digest: string;
  readonly size: number;
}

/** The config that a manifest names; undefined for an index. */
export async function configOf(read: Reader, manifestId: number): Promise<ConfigRow | undefined> {
  return read
    .selectFrom('manifest_refs')
    .innerJoin('manifests', 'manifests.id', 'manifest_refs.manifest_id')
    .select([
      'manifests.repository_id as repositoryId',
      'manifest_refs.digest',
      'manifest_refs.size',
    ])
    .where('manifest_refs.manifest_id', '=', manifestId)
    .where('manifest_refs.kind', '=', 'config')
    .executeTakeFirst();
}
