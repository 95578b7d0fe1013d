import type { Reader } from '#server/database/database.ts';
import type { Page, Term } from '#server/http/rest/index.ts';
import { type AccessoryTagSuffix, accessoryTag, accessoryTagSuffixes } from './types.ts';

/** SQLite takes a bounded number of parameters. */
const valuesAtOnce = 500;

async function inPieces<Value, Row>(
  values: readonly Value[],
  query: (piece: readonly Value[]) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (let start = 0; start < values.length; start += valuesAtOnce) {
    rows.push(...(await query(values.slice(start, start + valuesAtOnce))));
  }
  return rows;
}

export interface TagRow {
  readonly id: number;
  readonly manifestId: number;
  readonly name: string;
  readonly updatedAt: number;
}

const tagColumns = ['id', 'manifest_id as manifestId', 'name', 'updated_at as updatedAt'] as const;

/** The tags of manifests, the newest first. */
export async function tagsOf(
  read: Reader,
  manifestIds: readonly number[],
): Promise<readonly TagRow[]> {
  return inPieces(manifestIds, (piece) =>
    read
      .selectFrom('tags')
      .select(tagColumns)
      .where('manifest_id', 'in', piece)
      .orderBy('updated_at', 'desc')
      .orderBy('id', 'desc')
      .execute(),
  );
}

export async function listTags(
  read: Reader,
  manifestId: number,
  name: Term | undefined,
  page: Page,
): Promise<{ readonly rows: readonly TagRow[]; readonly total: number }> {
  const all = await tagsOf(read, [manifestId]);
  const rows = name === undefined ? all : all.filter((tag) => nameMatches(tag.name, name));
  return { rows: rows.slice(page.offset, page.offset + page.limit), total: rows.length };
}

function nameMatches(name: string, term: Term): boolean {
  switch (term.kind) {
    case 'exact':
      return name === term.value;
    case 'fuzzy':
      return name.toLowerCase().includes(term.value.toLowerCase());
    case 'any':
      return term.values.includes(name);
    case 'all':
      return term.values.every((value) => value === name);
    case 'range':
      return (
        (term.from === undefined || name >= term.from) && (term.to === undefined || name <= term.to)
      );
  }
}

export interface ChildRow {
  readonly parentId: number;
  readonly digest: string;
  /** Null where it is no manifest of the repository. */
  readonly manifestId: number | null;
}

/** What indexes hold, in their order. */
export async function childrenOf(
  read: Reader,
  indexIds: readonly number[],
): Promise<readonly ChildRow[]> {
  return inPieces(indexIds, (piece) =>
    read
      .selectFrom('manifest_refs')
      .innerJoin('manifests as parents', 'parents.id', 'manifest_refs.manifest_id')
      .leftJoin('manifests as children', (join) =>
        join
          .onRef('children.repository_id', '=', 'parents.repository_id')
          .onRef('children.digest', '=', 'manifest_refs.digest'),
      )
      .select([
        'manifest_refs.manifest_id as parentId',
        'manifest_refs.digest',
        'children.id as manifestId',
      ])
      .where('manifest_refs.manifest_id', 'in', piece)
      .where('manifest_refs.kind', '=', 'child')
      .orderBy('manifest_refs.manifest_id')
      .orderBy('manifest_refs.position')
      .execute(),
  );
}

export interface AccessoryRow {
  readonly id: number;
  readonly digest: string;
  readonly artifactType: string | null;
  readonly size: number;
  readonly createdAt: number;
  readonly subjectDigest: string;
  /** Of cosign's tag, where that is what makes it an accessory. */
  readonly suffix: AccessoryTagSuffix | undefined;
}

/** What refers to the artifacts of a repository that have these digests, each thing once. */
export async function accessoriesOf(
  read: Reader,
  repositoryId: number,
  digests: readonly string[],
): Promise<readonly AccessoryRow[]> {
  const bySubject = await inPieces(digests, (piece) =>
    read
      .selectFrom('manifests')
      .select([...accessoryColumns, 'manifests.subject_digest as subjectDigest'])
      .where('manifests.repository_id', '=', repositoryId)
      .where('manifests.subject_digest', 'in', piece)
      .orderBy('manifests.id')
      .execute(),
  );
  const named = new Map(
    digests.flatMap((digest) =>
      accessoryTagSuffixes.map((suffix) => [accessoryTag(digest, suffix), { digest, suffix }]),
    ),
  );
  const byTag = await inPieces([...named.keys()], (piece) =>
    read
      .selectFrom('tags')
      .innerJoin('manifests', 'manifests.id', 'tags.manifest_id')
      .select([...accessoryColumns, 'tags.name as tag'])
      .where('tags.repository_id', '=', repositoryId)
      .where('tags.name', 'in', piece)
      .orderBy('manifests.id')
      .execute(),
  );
  const found = new Map<string, AccessoryRow>();
  for (const { tag, ...row } of byTag) {
    const name = named.get(tag);
    if (name === undefined) continue;
    found.set(`${row.id} ${name.digest}`, {
      ...row,
      subjectDigest: name.digest,
      suffix: name.suffix,
    });
  }
  for (const { subjectDigest, ...row } of bySubject) {
    const key = `${row.id} ${subjectDigest}`;
    if (subjectDigest === null || found.has(key)) continue;
    found.set(key, { ...row, subjectDigest, suffix: undefined });
  }
  return [...found.values()];
}

const accessoryColumns = [
  'manifests.id',
  'manifests.digest',
  'manifests.artifact_type as artifactType',
  'manifests.size',
  'manifests.created_at as createdAt',
] as const;
