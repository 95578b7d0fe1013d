import type { Reader } from '#server/database/database.ts';

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
