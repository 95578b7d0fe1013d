import { type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import { Refusal } from '#lib/errors.ts';
import type { ManifestReference } from '#oci/reference.ts';
import type { Reader } from '#server/database/database.ts';
import type { Tables } from '#server/database/tables.ts';
import type { Page, SortKey, Term } from '#server/http/rest/index.ts';
import { accessoryTagSuffixes, typeOfArtifact } from './types.ts';

export interface ArtifactRow {
  readonly id: number;
  readonly digest: string;
  readonly mediaType: string;
  /** As the referrers API tells it. */
  readonly artifactType: string | null;
  /** A JSON text. */
  readonly annotations: string;
  /** Of the manifest itself. */
  readonly manifestSize: number;
  /** Of config and layers, over all platforms. */
  readonly contentSize: number;
  readonly configDigest: string | null;
  readonly configMediaType: string | null;
  readonly configSize: number | null;
  readonly createdAt: number;
}

export const artifactFilters = ['tags', 'digest', 'type', 'media_type'] as const;
export const artifactSorts = ['push_time', 'size', 'digest'] as const;

export interface ArtifactSelection {
  readonly repositoryId: number;
  readonly terms: ReadonlyMap<(typeof artifactFilters)[number], Term>;
  readonly sort: readonly SortKey<(typeof artifactSorts)[number]>[];
}

type Artifacts = SelectQueryBuilder<Tables, 'manifests', object>;

/** Config and layers, of every part of an index too; what of it was not pushed weighs its own size. */
const contentSize = sql<number>`(
  select coalesce(sum(case
    when refs.kind in ('config', 'layer') then refs.size
    when refs.kind = 'child' then coalesce((
      select sum(parts.size) from manifests as children
      join manifest_refs as parts on parts.manifest_id = children.id
      where children.repository_id = manifests.repository_id
        and children.digest = refs.digest and parts.kind in ('config', 'layer')
    ), refs.size)
    else 0
  end), 0)
  from manifest_refs as refs where refs.manifest_id = manifests.id
)`;

const sortExpressions = {
  push_time: sql.ref('manifests.created_at'),
  size: contentSize,
  digest: sql.ref('manifests.digest'),
} as const;

/** The parts of an index belong to it, unless they have a tag of their own. */
const standsAlone = sql<SqlBool>`(
  exists (select 1 from tags where tags.manifest_id = manifests.id) or
  not exists (
    select 1 from manifest_refs as refs
    join manifests as parents on parents.id = refs.manifest_id
    where refs.digest = manifests.digest and refs.kind = 'child'
      and parents.repository_id = manifests.repository_id
  )
)`;

/** What refers to an artifact that is here, by its subject or by cosign's tags, belongs to that. */
const isAccessory = sql<SqlBool>`(
  exists (
    select 1 from manifests as subjects
    where subjects.repository_id = manifests.repository_id
      and subjects.digest = manifests.subject_digest
  ) or
  exists (
    select 1 from tags
    join manifests as subjects on subjects.repository_id = tags.repository_id
      and subjects.digest = 'sha256:' || substr(tags.name, 8, 64)
    where tags.manifest_id = manifests.id
      and substr(tags.name, 1, 7) = 'sha256-'
      and substr(tags.name, 72) in (${sql.join(accessoryTagSuffixes)})
  )
)`;

export async function listArtifacts(
  read: Reader,
  selection: ArtifactSelection,
  page: Page,
): Promise<{ readonly rows: readonly ArtifactRow[]; readonly total: number }> {
  const { repositoryId, terms, sort } = selection;
  let matching = artifactsOf(read, repositoryId)
    .where(standsAlone)
    .where(({ not }) => not(isAccessory));
  for (const [field, term] of terms) {
    matching = matching.where(await conditionOf(read, repositoryId, field, term));
  }
  const { total } = await matching
    .select((part) => part.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  let query = selectRows(matching);
  for (const { field, falling } of sort) {
    query = query.orderBy(sortExpressions[field], falling ? 'desc' : 'asc');
  }
  const rows = await query
    .orderBy('manifests.created_at', 'desc')
    .orderBy('manifests.id', 'desc')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { rows: rows.map(artifactRow), total: Number(total) };
}

export async function findArtifact(
  read: Reader,
  repositoryId: number,
  reference: ManifestReference,
): Promise<ArtifactRow | undefined> {
  const artifacts = artifactsOf(read, repositoryId);
  const found =
    reference.kind === 'digest'
      ? artifacts.where('manifests.digest', '=', reference.digest)
      : artifacts.where('manifests.id', 'in', (inner) =>
          inner
            .selectFrom('tags')
            .select('tags.manifest_id')
            .where('tags.repository_id', '=', repositoryId)
            .where('tags.name', '=', reference.tag),
        );
  const row = await selectRows(found).executeTakeFirst();
  return row === undefined ? undefined : artifactRow(row);
}

/** A manifest's own bytes; undefined when it has just gone. */
export async function manifestBytes(
  read: Reader,
  manifestId: number,
): Promise<Uint8Array | undefined> {
  const row = await read
    .selectFrom('manifests')
    .select('bytes')
    .where('id', '=', manifestId)
    .executeTakeFirst();
  return row?.bytes;
}

function artifactsOf(read: Reader, repositoryId: number): Artifacts {
  return read.selectFrom('manifests').where('manifests.repository_id', '=', repositoryId);
}

function selectRows(artifacts: Artifacts) {
  return artifacts
    .leftJoin('manifest_refs as configs', (join) =>
      join
        .onRef('configs.manifest_id', '=', 'manifests.id')
        .on('configs.kind', '=', sql.lit('config')),
    )
    .select([
      'manifests.id',
      'manifests.digest',
      'manifests.media_type as mediaType',
      'manifests.artifact_type as artifactType',
      'manifests.annotations',
      'manifests.size as manifestSize',
      'manifests.created_at as createdAt',
      'configs.digest as configDigest',
      'configs.media_type as configMediaType',
      'configs.size as configSize',
      contentSize.as('contentSize'),
    ]);
}

/** PostgreSQL's sums are texts. */
function artifactRow(row: ArtifactRow): ArtifactRow {
  return { ...row, contentSize: Number(row.contentSize) };
}

async function conditionOf(
  read: Reader,
  repositoryId: number,
  field: (typeof artifactFilters)[number],
  term: Term,
): Promise<RawBuilder<SqlBool>> {
  switch (field) {
    case 'digest':
      return matches('manifests.digest', field, term);
    case 'media_type':
      return matches('manifests.media_type', field, term);
    case 'tags':
      return tagCondition(term);
    case 'type':
      return typeCondition(read, repositoryId, term);
  }
}

/** Harbor's `tags=*`, some tag, and `tags=nil`, none. */
function tagCondition(term: Term): RawBuilder<SqlBool> {
  const tagged = sql<SqlBool>`exists (select 1 from tags where tags.manifest_id = manifests.id)`;
  if (term.kind === 'exact' && term.value === '*') return tagged;
  if (term.kind === 'exact' && term.value === 'nil') return sql<SqlBool>`not ${tagged}`;
  return sql<SqlBool>`exists (
    select 1 from tags
    where tags.manifest_id = manifests.id and ${matches('tags.name', 'tags', term)}
  )`;
}

/** A type is told from a media type, so the repository's own are looked at. */
async function typeCondition(
  read: Reader,
  repositoryId: number,
  term: Term,
): Promise<RawBuilder<SqlBool>> {
  const wanted = valuesOf('type', term).map((value) => value.toUpperCase());
  const rows = await read
    .selectFrom('manifests')
    .select('artifact_type')
    .distinct()
    .where('repository_id', '=', repositoryId)
    .limit(1_000)
    .execute();
  const found = rows
    .map((row) => row.artifact_type)
    .filter((artifactType) => wanted.includes(typeOfArtifact(artifactType)));
  const named = found.filter((artifactType) => artifactType !== null);
  const conditions = [
    ...(found.includes(null) ? [sql<SqlBool>`manifests.artifact_type is null`] : []),
    ...(named.length > 0 ? [sql<SqlBool>`manifests.artifact_type in (${sql.join(named)})`] : []),
  ];
  return conditions.length === 0
    ? sql<SqlBool>`1 = 0`
    : sql<SqlBool>`(${sql.join(conditions, sql` or `)})`;
}

function matches(column: string, field: string, term: Term): RawBuilder<SqlBool> {
  if (term.kind === 'fuzzy') {
    const pattern = `%${term.value.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    return sql<SqlBool>`lower(${sql.ref(column)}) like ${pattern} escape '\\'`;
  }
  const values = valuesOf(field, term);
  return values.length === 0
    ? sql<SqlBool>`1 = 0`
    : sql<SqlBool>`${sql.ref(column)} in (${sql.join(values)})`;
}

function valuesOf(field: string, term: Term): readonly string[] {
  if (term.kind === 'exact') return [term.value];
  if (term.kind === 'any') return term.values;
  throw new Refusal('invalid', `query.q takes ${field}=VALUE or ${field}={VALUE VALUE}.`);
}
