import type { Reader } from '#server/database/database.ts';

/** Where a blob of a repository is stored; undefined when the repository holds no such blob. */
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
    .where('blobs.lost_at', 'is', null)
    .executeTakeFirst();
  return row?.storage_key;
}

/** Where a blob is stored at this moment; undefined when it exists no more. */
export async function currentKeyOf(read: Reader, blobId: number): Promise<string | undefined> {
  const row = await read
    .selectFrom('blobs')
    .select('storage_key')
    .where('id', '=', blobId)
    .where('state', '=', 'live')
    .executeTakeFirst();
  return row?.storage_key;
}
