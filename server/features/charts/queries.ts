import type { Reader } from '#server/database/database.ts';

/** A chart of a project as lists need it: nothing of its content. */
export interface ChartRow {
  readonly manifestId: number;
  /** The whole name. */
  readonly repository: string;
  /** Of the manifest. */
  readonly digest: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly appVersion: string | null;
  readonly archiveDigest: string | null;
  readonly archiveSize: number | null;
  readonly problem: string | null;
  readonly signed: boolean;
  readonly createdAt: number;
  /** The newest first. */
  readonly tags: readonly ChartTag[];
}

export interface ChartTag {
  readonly name: string;
  readonly updatedAt: number;
}

export interface ChartSelection {
  readonly projectId: number;
  /** Charts of these names, and those whose name could not be read. All where it is absent. */
  readonly names?: readonly string[];
}

/** Every chart of a project, in no order. */
export async function selectCharts(
  read: Reader,
  { projectId, names }: ChartSelection,
): Promise<readonly ChartRow[]> {
  let charts = read
    .selectFrom('charts')
    .innerJoin('manifests', 'manifests.id', 'charts.manifest_id')
    .innerJoin('repositories', 'repositories.id', 'charts.repository_id')
    .where('repositories.project_id', '=', projectId);
  if (names !== undefined) {
    charts = charts.where((where) =>
      where.or([where('charts.name', 'in', names), where('charts.name', 'is', null)]),
    );
  }
  const [rows, tags] = await Promise.all([
    charts
      .select([
        'charts.manifest_id as manifestId',
        'repositories.name as repository',
        'manifests.digest',
        'charts.name',
        'charts.version',
        'charts.app_version as appVersion',
        'charts.archive_digest as archiveDigest',
        'charts.archive_size as archiveSize',
        'charts.problem',
        'charts.created_at as createdAt',
      ])
      .select((column) => column('charts.provenance', 'is not', null).as('signed'))
      .execute(),
    charts
      .innerJoin('tags', 'tags.manifest_id', 'charts.manifest_id')
      .select(['tags.manifest_id as manifestId', 'tags.name', 'tags.updated_at as updatedAt'])
      .orderBy('tags.updated_at', 'desc')
      .orderBy('tags.id', 'desc')
      .execute(),
  ]);
  const byManifest = Map.groupBy(tags, ({ manifestId }) => manifestId);
  return rows.map((row) => ({
    ...row,
    signed: Boolean(row.signed),
    tags: byManifest.get(row.manifestId) ?? [],
  }));
}

const idsAtOnce = 500;

/** Chart.yaml as it was kept, a JSON text, by manifest. */
export async function chartMetadata(
  read: Reader,
  manifestIds: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>();
  for (let start = 0; start < manifestIds.length; start += idsAtOnce) {
    const rows = await read
      .selectFrom('charts')
      .select(['manifest_id', 'metadata'])
      .where('manifest_id', 'in', manifestIds.slice(start, start + idsAtOnce))
      .execute();
    for (const row of rows) found.set(row.manifest_id, row.metadata);
  }
  return found;
}

/** What was read out of a chart. */
export interface ChartTexts {
  /** JSON. */
  readonly metadata: string;
  readonly readme: string | null;
  readonly valuesYaml: string | null;
  readonly valuesSchema: string | null;
  /** JSON: `{ path, text }[]`. */
  readonly files: string;
  readonly provenance: string | null;
  readonly problem: string | null;
}

/** Undefined for a manifest that is no chart, or that has not been read yet. */
export async function chartTexts(
  read: Reader,
  manifestId: number,
): Promise<ChartTexts | undefined> {
  return read
    .selectFrom('charts')
    .select([
      'metadata',
      'readme',
      'values_yaml as valuesYaml',
      'values_schema as valuesSchema',
      'templates as files',
      'provenance',
      'problem',
    ])
    .where('manifest_id', '=', manifestId)
    .executeTakeFirst();
}

export interface ArchiveRow {
  readonly storageKey: string;
  readonly size: number;
}

/** Where the archive of a chart is kept; undefined when it is no longer there. */
export async function archiveOf(
  read: Reader,
  repository: string,
  digest: string,
): Promise<ArchiveRow | undefined> {
  return read
    .selectFrom('blobs')
    .innerJoin('repository_blobs', 'repository_blobs.blob_id', 'blobs.id')
    .innerJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
    .select(['blobs.storage_key as storageKey', 'blobs.size'])
    .where('repositories.name', '=', repository)
    .where('blobs.digest', '=', digest)
    .where('blobs.state', '=', 'live')
    .where('blobs.lost_at', 'is', null)
    .executeTakeFirst();
}

/** The id of a manifest; undefined when the repository has none of that digest. */
export async function manifestIdOf(
  read: Reader,
  repository: string,
  digest: string,
): Promise<number | undefined> {
  const row = await read
    .selectFrom('manifests')
    .innerJoin('repositories', 'repositories.id', 'manifests.repository_id')
    .select('manifests.id')
    .where('repositories.name', '=', repository)
    .where('manifests.digest', '=', digest)
    .executeTakeFirst();
  return row?.id;
}

/** True when a tag of a repository exists. */
export async function hasTag(read: Reader, repository: string, tag: string): Promise<boolean> {
  const row = await read
    .selectFrom('tags')
    .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
    .select('tags.id')
    .where('repositories.name', '=', repository)
    .where('tags.name', '=', tag)
    .executeTakeFirst();
  return row !== undefined;
}
