import type { Database } from '#server/database/database.ts';
import type { PageRequest } from './pages.ts';

/** All that a manifest request needs to know before it has the bytes. */
export interface ManifestRow {
  readonly id: number;
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
}

export interface BlobRow {
  readonly id: number;
  readonly repositoryId: number;
  readonly storageKey: string;
  readonly size: number;
  readonly linkedAt: number;
  /** null: its bytes are there, as far as is known. */
  readonly lostAt: number | null;
}

export interface ReferrerRow {
  readonly id: number;
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly artifactType: string | null;
  /** JSON. */
  readonly annotations: string;
}

export interface ReferrerPageRequest {
  readonly artifactType: string | undefined;
  /** The row that the page before ended with; 0 for the first page. */
  readonly after: number;
  readonly maximumCount: number;
  /** Of the manifests, which hold the annotations that the page repeats. */
  readonly maximumBytes: number;
}

type Answer<Row> = Row | undefined | Promise<Row | undefined>;

export interface RegistryQueries {
  manifestByTag(repository: string, tag: string): Answer<ManifestRow>;
  manifestByDigest(repository: string, digest: string): Answer<ManifestRow>;
  /** When a manifest came, and when somebody was last told that it is there. */
  manifestHeldSince(
    id: number,
  ): Answer<{ readonly createdAt: number; readonly leasedAt: number | null }>;
  manifestBytes(id: number): Answer<{ readonly bytes: Uint8Array }>;
  blob(repository: string, digest: string): Answer<BlobRow>;
  upload(repository: string, id: string): Answer<{ readonly offset: number }>;
  repository(name: string): Answer<{ readonly id: number }>;
  /** Those of `project` first. */
  repositoriesWithBlob(digest: string, project: string, limit: number): Promise<readonly string[]>;
  tags(repositoryId: number, page: PageRequest): Promise<readonly string[]>;
  /** @param projects names; `all` for a system admin */
  repositories(projects: readonly string[] | 'all', page: PageRequest): Promise<readonly string[]>;
  referrers(
    repository: string,
    subject: string,
    page: ReferrerPageRequest,
  ): Promise<{ readonly rows: readonly ReferrerRow[]; readonly more: boolean }>;
  /** The tags that stand next to `tag` in byte order, `each` before it and `each` behind. */
  neighbourTags(repositoryId: number, tag: string, each: number): Promise<readonly string[]>;
  /** Which of `storageKeys` belong to an open upload. */
  uploadsAt(storageKeys: readonly string[]): Promise<ReadonlySet<string>>;
}

export function createRegistryQueries(database: Database): RegistryQueries {
  const { read } = database;
  const manifestColumns = [
    'manifests.id as id',
    'manifests.digest as digest',
    'manifests.media_type as mediaType',
    'manifests.size as size',
  ] as const;

  return {
    manifestByTag: database.prepareRemembered<[string, string], ManifestRow>((query, argument) =>
      query
        .selectFrom('repositories')
        .innerJoin('tags', 'tags.repository_id', 'repositories.id')
        .innerJoin('manifests', 'manifests.id', 'tags.manifest_id')
        .select(manifestColumns)
        .where('repositories.name', '=', argument<string>(0))
        .where('tags.name', '=', argument<string>(1)),
    ),

    manifestByDigest: database.prepareRemembered<[string, string], ManifestRow>((query, argument) =>
      query
        .selectFrom('repositories')
        .innerJoin('manifests', 'manifests.repository_id', 'repositories.id')
        .select(manifestColumns)
        .where('repositories.name', '=', argument<string>(0))
        .where('manifests.digest', '=', argument<string>(1)),
    ),

    manifestHeldSince: database.prepare<[number], { createdAt: number; leasedAt: number | null }>(
      (query, argument) =>
        query
          .selectFrom('manifests')
          .leftJoin('manifest_leases', 'manifest_leases.manifest_id', 'manifests.id')
          .select(['manifests.created_at as createdAt', 'manifest_leases.leased_at as leasedAt'])
          .where('manifests.id', '=', argument<number>(0)),
    ),

    manifestBytes: database.prepare<[number], { bytes: Uint8Array }>((query, argument) =>
      query.selectFrom('manifests').select('bytes').where('id', '=', argument<number>(0)),
    ),

    blob: database.prepareRemembered<[string, string], BlobRow>((query, argument) =>
      query
        .selectFrom('repositories')
        .innerJoin('repository_blobs', 'repository_blobs.repository_id', 'repositories.id')
        .innerJoin('blobs', 'blobs.id', 'repository_blobs.blob_id')
        .select([
          'blobs.id as id',
          'repositories.id as repositoryId',
          'blobs.storage_key as storageKey',
          'blobs.size as size',
          'repository_blobs.linked_at as linkedAt',
          'blobs.lost_at as lostAt',
        ])
        .where('repositories.name', '=', argument<string>(0))
        .where('blobs.digest', '=', argument<string>(1))
        .where('blobs.state', '=', 'live'),
    ),

    upload: database.prepare<[string, string], { offset: number }>((query, argument) =>
      query
        .selectFrom('uploads')
        .select('offset')
        .where('repository', '=', argument<string>(0))
        .where('id', '=', argument<string>(1)),
    ),

    repository: database.prepareRemembered<[string], { id: number }>((query, argument) =>
      query.selectFrom('repositories').select('id').where('name', '=', argument<string>(0)),
    ),

    async repositoriesWithBlob(digest, project, limit) {
      const rows = await read
        .selectFrom('blobs')
        .innerJoin('repository_blobs', 'repository_blobs.blob_id', 'blobs.id')
        .innerJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
        .innerJoin('projects', 'projects.id', 'repositories.project_id')
        .select('repositories.name')
        .where('blobs.digest', '=', digest)
        .where('blobs.state', '=', 'live')
        .where('blobs.lost_at', 'is', null)
        .orderBy((blob) => blob('projects.name', '=', project), 'desc')
        .orderBy('repositories.id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(({ name }) => name);
    },

    async tags(repositoryId, { count, last }) {
      let query = read.selectFrom('tags').select('name').where('repository_id', '=', repositoryId);
      if (last !== undefined) query = query.where('name', '>', last);
      const rows = await query.orderBy('name').limit(count).execute();
      return rows.map(({ name }) => name);
    },

    async repositories(projects, { count, last }) {
      let query = read.selectFrom('repositories').select('repositories.name');
      if (projects !== 'all') {
        query = query
          .innerJoin('projects', 'projects.id', 'repositories.project_id')
          .where('projects.name', 'in', projects);
      }
      if (last !== undefined) query = query.where('repositories.name', '>', last);
      const rows = await query.orderBy('repositories.name').limit(count).execute();
      return rows.map(({ name }) => name);
    },

    async referrers(repository, subject, { artifactType, after, maximumCount, maximumBytes }) {
      let query = read
        .selectFrom('repositories')
        .innerJoin('manifests', 'manifests.repository_id', 'repositories.id')
        .where('repositories.name', '=', repository)
        .where('manifests.subject_digest', '=', subject);
      if (artifactType !== undefined) {
        query = query.where('manifests.artifact_type', '=', artifactType);
      }
      // Sizes first: the annotations of a page that is too large must not be read at all.
      const sizes = await query
        .select(['manifests.id', 'manifests.size'])
        .where('manifests.id', '>', after)
        .orderBy('manifests.id')
        .limit(maximumCount + 1)
        .execute();
      let bytes = 0;
      const fitting = sizes.slice(0, maximumCount).filter(({ size }, position) => {
        bytes += size;
        return position === 0 || bytes <= maximumBytes;
      });
      const last = fitting.at(-1);
      if (last === undefined) return { rows: [], more: false };
      const rows = await query
        .select([
          ...manifestColumns,
          'manifests.artifact_type as artifactType',
          'manifests.annotations as annotations',
        ])
        .where('manifests.id', '>', after)
        .where('manifests.id', '<=', last.id)
        .orderBy('manifests.id')
        .execute();
      return { rows, more: fitting.length < sizes.length };
    },

    async neighbourTags(repositoryId, tag, each) {
      const tags = read.selectFrom('tags').select('name').where('repository_id', '=', repositoryId);
      const [before, after] = await Promise.all([
        tags.where('name', '<', tag).orderBy('name', 'desc').limit(each).execute(),
        tags.where('name', '>', tag).orderBy('name').limit(each).execute(),
      ]);
      return [...before, ...after].map(({ name }) => name);
    },

    async uploadsAt(storageKeys) {
      const rows = await read
        .selectFrom('uploads')
        .select('storage_key')
        .where('storage_key', 'in', storageKeys)
        .execute();
      return new Set(rows.map((row) => row.storage_key));
    },
  };
}
