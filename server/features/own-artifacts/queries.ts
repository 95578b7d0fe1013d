import type { Reader } from '#server/database/database.ts';

export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export async function manifestOfTag(
  read: Reader,
  repository: string,
  tag: string,
): Promise<StoredManifest | undefined> {
  return read
    .selectFrom('repositories')
    .innerJoin('tags', 'tags.repository_id', 'repositories.id')
    .innerJoin('manifests', 'manifests.id', 'tags.manifest_id')
    .select(['manifests.digest', 'manifests.media_type as mediaType', 'manifests.bytes'])
    .where('repositories.name', '=', repository)
    .where('tags.name', '=', tag)
    .executeTakeFirst();
}

export async function manifestOfDigest(
  read: Reader,
  repository: string,
  digest: string,
): Promise<StoredManifest | undefined> {
  return read
    .selectFrom('repositories')
    .innerJoin('manifests', 'manifests.repository_id', 'repositories.id')
    .select(['manifests.digest', 'manifests.media_type as mediaType', 'manifests.bytes'])
    .where('repositories.name', '=', repository)
    .where('manifests.digest', '=', digest)
    .executeTakeFirst();
}

/** Where a blob that the repository holds is stored. */
export async function blobKey(
  read: Reader,
  repository: string,
  digest: string,
): Promise<string | undefined> {
  const row = await read
    .selectFrom('repositories')
    .innerJoin('repository_blobs', 'repository_blobs.repository_id', 'repositories.id')
    .innerJoin('blobs', 'blobs.id', 'repository_blobs.blob_id')
    .select('blobs.storage_key')
    .where('repositories.name', '=', repository)
    .where('blobs.digest', '=', digest)
    .where('blobs.state', '=', 'live')
    .where('blobs.lost_at', 'is', null)
    .executeTakeFirst();
  return row?.storage_key;
}

export async function repositoryExists(read: Reader, name: string): Promise<boolean> {
  const row = await read
    .selectFrom('repositories')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirst();
  return row !== undefined;
}
