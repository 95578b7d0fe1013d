import type { Reader } from '#server/database/database.ts';

export interface BlobToCheck {
  readonly id: number;
  readonly digest: string;
  readonly size: number;
  readonly storageKey: string;
  readonly lostAt: number | null;
}

export interface ManifestToCheck {
  readonly id: number;
  readonly repositoryId: number;
  readonly repository: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly subjectDigest: string | null;
  readonly size: number;
  readonly bytes: Uint8Array;
}

export interface EdgeRow {
  readonly manifestId: number;
  readonly repositoryId: number;
  readonly kind: 'config' | 'layer' | 'child' | 'subject';
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
}

export async function contentCounts(read: Reader) {
  const [blobs, manifests] = await Promise.all([
    read
      .selectFrom('blobs')
      .select((blob) => blob.fn.countAll<number>().as('count'))
      .where('state', '=', 'live')
      .executeTakeFirstOrThrow(),
    read
      .selectFrom('manifests')
      .select((manifest) => manifest.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow(),
  ]);
  return { blobs: blobs.count, manifests: manifests.count };
}

function blobs(read: Reader) {
  return read
    .selectFrom('blobs')
    .select(['id', 'digest', 'size', 'storage_key as storageKey', 'lost_at as lostAt'])
    .where('state', '=', 'live');
}

export function blobsBehind(
  read: Reader,
  id: number,
  count: number,
): Promise<readonly BlobToCheck[]> {
  return blobs(read).where('id', '>', id).orderBy('id').limit(count).execute();
}

export function blobById(read: Reader, id: number): Promise<BlobToCheck | undefined> {
  return blobs(read).where('id', '=', id).executeTakeFirst();
}

/** Tags, or digests of manifests without one, of images that need a blob or manifest. */
export async function imagesThatNeed(
  read: Reader,
  digest: string,
  limit: number,
): Promise<readonly string[]> {
  const rows = await read
    .selectFrom('manifest_refs')
    .innerJoin('manifests', 'manifests.id', 'manifest_refs.manifest_id')
    .innerJoin('repositories', 'repositories.id', 'manifests.repository_id')
    .leftJoin('tags', 'tags.manifest_id', 'manifests.id')
    .select(['repositories.name as repository', 'tags.name as tag', 'manifests.digest as digest'])
    .where('manifest_refs.digest', '=', digest)
    .orderBy('manifests.id')
    .limit(limit)
    .execute();
  return rows.map(({ repository, tag, digest: image }) =>
    tag === null ? `${repository}@${image}` : `${repository}:${tag}`,
  );
}

/** Ids and sizes only: the bytes of a page are read once it is known what fits. */
export function manifestSizesBehind(
  read: Reader,
  id: number,
  count: number,
): Promise<readonly { readonly id: number; readonly size: number }[]> {
  return read
    .selectFrom('manifests')
    .select((manifest) => ['id', manifest.fn<number>('length', ['bytes']).as('size')])
    .where('id', '>', id)
    .orderBy('id')
    .limit(count)
    .execute();
}

export function manifestsBetween(
  read: Reader,
  first: number,
  last: number,
): Promise<readonly ManifestToCheck[]> {
  return read
    .selectFrom('manifests')
    .innerJoin('repositories', 'repositories.id', 'manifests.repository_id')
    .select([
      'manifests.id as id',
      'manifests.repository_id as repositoryId',
      'repositories.name as repository',
      'manifests.digest as digest',
      'manifests.media_type as mediaType',
      'manifests.subject_digest as subjectDigest',
      'manifests.size as size',
      'manifests.bytes as bytes',
    ])
    .where('manifests.id', '>=', first)
    .where('manifests.id', '<=', last)
    .orderBy('manifests.id')
    .execute();
}

export function edgesBetween(
  read: Reader,
  first: number,
  last: number,
): Promise<readonly EdgeRow[]> {
  return read
    .selectFrom('manifest_refs')
    .select([
      'manifest_id as manifestId',
      'repository_id as repositoryId',
      'kind',
      'digest',
      'media_type as mediaType',
      'size',
    ])
    .where('manifest_id', '>=', first)
    .where('manifest_id', '<=', last)
    .orderBy('manifest_id')
    .orderBy('position')
    .execute();
}

/** Configs and layers that the repository of their manifest does not link. */
export function unlinkedEdgesBetween(
  read: Reader,
  first: number,
  last: number,
): Promise<readonly { readonly manifestId: number; readonly digest: string }[]> {
  return read
    .selectFrom('manifest_refs')
    .select(['manifest_id as manifestId', 'digest'])
    .distinct()
    .where('manifest_id', '>=', first)
    .where('manifest_id', '<=', last)
    .where('kind', 'in', ['config', 'layer'])
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('blobs')
            .innerJoin('repository_blobs', 'repository_blobs.blob_id', 'blobs.id')
            .select('blobs.id')
            .whereRef('blobs.digest', '=', 'manifest_refs.digest')
            .whereRef('repository_blobs.repository_id', '=', 'manifest_refs.repository_id')
            .where('blobs.state', '=', 'live'),
        ),
      ),
    )
    .execute();
}

export async function isLiveBlob(read: Reader, digest: string): Promise<boolean> {
  const row = await read
    .selectFrom('blobs')
    .select('id')
    .where('digest', '=', digest)
    .where('state', '=', 'live')
    .executeTakeFirst();
  return row !== undefined;
}

export async function tagsOf(read: Reader, manifestId: number): Promise<readonly string[]> {
  const rows = await read
    .selectFrom('tags')
    .select('name')
    .where('manifest_id', '=', manifestId)
    .orderBy('name')
    .execute();
  return rows.map(({ name }) => name);
}

/** Tags whose manifest is gone, or is another repository's. */
export async function tagsAstray(read: Reader, limit: number): Promise<readonly string[]> {
  const rows = await read
    .selectFrom('tags')
    .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
    .leftJoin('manifests', 'manifests.id', 'tags.manifest_id')
    .select(['repositories.name as repository', 'tags.name as tag'])
    .where(({ or, eb, ref }) =>
      or([
        eb('manifests.id', 'is', null),
        eb('manifests.repository_id', '<>', ref('tags.repository_id')),
      ]),
    )
    .limit(limit)
    .execute();
  return rows.map(({ repository, tag }) => `${repository}:${tag}`);
}

/** Which of `storageKeys` belong to a blob, whatever its state. */
export async function keysOfBlobs(
  read: Reader,
  storageKeys: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await read
    .selectFrom('blobs')
    .select('storage_key as key')
    .where('storage_key', 'in', storageKeys)
    .execute();
  return new Set(rows.map(({ key }) => key));
}

/** Which of `storageKeys` belong to an open upload. */
export async function keysOfUploads(
  read: Reader,
  storageKeys: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await read
    .selectFrom('uploads')
    .select('storage_key as key')
    .where('storage_key', 'in', storageKeys)
    .execute();
  return new Set(rows.map(({ key }) => key));
}
