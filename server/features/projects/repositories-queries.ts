import { sql } from 'kysely';
import type { Reader } from '#server/database/database.ts';
import type { Page, SortKey, Term } from '#server/http/rest/index.ts';
import { textMatches } from '#server/http/rest/terms.ts';

export interface RepositoryRow {
  readonly id: number;
  readonly project_id: number;
  readonly name: string;
  readonly description: string;
  readonly artifacts: number;
  readonly created_at: number;
  readonly updated_at: number;
}

export const repositoryFilters = ['name', 'description'] as const;
export const repositorySorts = ['name', 'creation_time', 'update_time'] as const;

const sortColumns = {
  name: 'repositories.name',
  creation_time: 'repositories.created_at',
  update_time: 'repositories.updated_at',
} as const;

export interface RepositorySelection {
  readonly projectId: number;
  readonly terms: ReadonlyMap<(typeof repositoryFilters)[number], Term>;
  readonly sort: readonly SortKey<(typeof repositorySorts)[number]>[];
}

/** What people count as artifacts: the parts of an index belong to it. */
const artifacts = sql<number>`(
  select count(*) from manifests
  where manifests.repository_id = repositories.id and (
    exists (select 1 from tags where tags.manifest_id = manifests.id) or
    not exists (
      select 1 from manifest_refs
      join manifests as parents on parents.id = manifest_refs.manifest_id
      where manifest_refs.digest = manifests.digest
        and manifest_refs.kind = 'child'
        and parents.repository_id = manifests.repository_id
    )
  )
)`;

export async function listRepositories(
  read: Reader,
  { projectId, terms, sort }: RepositorySelection,
  page: Page,
): Promise<{ readonly rows: readonly RepositoryRow[]; readonly total: number }> {
  let matching = read.selectFrom('repositories').where('project_id', '=', projectId);
  for (const [field, term] of terms) {
    matching = matching.where(textMatches(sql.ref(`repositories.${field}`), term));
  }
  const { total } = await matching
    .select((part) => part.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  let query = matching.selectAll('repositories').select(artifacts.as('artifacts'));
  for (const { field, falling } of sort) {
    query = query.orderBy(sortColumns[field], falling ? 'desc' : 'asc');
  }
  const rows = await query
    .orderBy('repositories.name')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { rows, total: Number(total) };
}

export async function readRepository(
  read: Reader,
  name: string,
): Promise<RepositoryRow | undefined> {
  return read
    .selectFrom('repositories')
    .selectAll('repositories')
    .select(artifacts.as('artifacts'))
    .where('repositories.name', '=', name)
    .executeTakeFirst();
}
