import { sql } from 'kysely';
import type { Reader, Transaction } from '#server/database/database.ts';
import type { SortKey, Term } from '#server/http/rest/index.ts';
import { booleanOf, contains, integerMatches, textMatches } from '#server/http/rest/terms.ts';
import type { Role } from '#server/permissions/roles.ts';

export interface ProjectRow {
  readonly id: number;
  readonly name: string;
  readonly public: 0 | 1;
  readonly owner_id: number | null;
  readonly owner_name: string | null;
  readonly repositories: number;
  readonly created_at: number;
  readonly updated_at: number;
}

export const projectFilters = ['name', 'public', 'owner', 'project_id'] as const;
export const projectSorts = ['name', 'project_id', 'creation_time', 'update_time'] as const;

export interface ProjectSelection {
  readonly terms: ReadonlyMap<(typeof projectFilters)[number], Term>;
  readonly sort: readonly SortKey<(typeof projectSorts)[number]>[];
  /** A part of the name. */
  readonly name?: string | undefined;
  readonly public?: boolean | undefined;
  readonly owner?: string | undefined;
}

const sortColumns = {
  name: 'projects.name',
  project_id: 'projects.id',
  creation_time: 'projects.created_at',
  update_time: 'projects.updated_at',
} as const;

export async function projectIdOf(
  transaction: Transaction | Reader,
  name: string,
): Promise<number | undefined> {
  const row = await transaction
    .selectFrom('projects')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirst();
  return row?.id;
}

export async function projectNameOf(
  transaction: Transaction | Reader,
  id: number,
): Promise<string | undefined> {
  const row = await transaction
    .selectFrom('projects')
    .select('name')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.name;
}

/** Every project of a selection in its order, whoever asks. */
export async function selectProjects(
  read: Reader,
  selection: ProjectSelection,
): Promise<readonly { readonly id: number; readonly name: string }[]> {
  let query = read
    .selectFrom('projects')
    .leftJoin('users', 'users.id', 'projects.owner_id')
    .select(['projects.id', 'projects.name']);
  if (selection.name !== undefined) {
    query = query.where(contains(sql.ref('projects.name'), selection.name));
  }
  if (selection.public !== undefined) {
    query = query.where('projects.public', '=', selection.public ? 1 : 0);
  }
  if (selection.owner !== undefined) query = query.where('users.username', '=', selection.owner);
  for (const [field, term] of selection.terms) {
    switch (field) {
      case 'name':
        query = query.where(textMatches(sql.ref('projects.name'), term));
        break;
      case 'public':
        query = query.where('projects.public', '=', booleanOf('public', term) ? 1 : 0);
        break;
      case 'owner':
        query = query.where(textMatches(sql.ref('users.username'), term));
        break;
      case 'project_id':
        query = query.where(integerMatches(sql.ref('projects.id'), 'project_id', term));
        break;
    }
  }
  for (const { field, falling } of selection.sort) {
    query = query.orderBy(sortColumns[field], falling ? 'desc' : 'asc');
  }
  return query.orderBy('projects.id').execute();
}

/** The projects named, in no order. */
export async function readProjects(
  read: Reader,
  ids: readonly number[],
): Promise<readonly ProjectRow[]> {
  if (ids.length === 0) return [];
  const rows = await read
    .selectFrom('projects')
    .leftJoin('users', 'users.id', 'projects.owner_id')
    .select([
      'projects.id',
      'projects.name',
      'projects.public',
      'projects.owner_id',
      'users.username as owner_name',
      'projects.created_at',
      'projects.updated_at',
    ])
    .select((part) =>
      part
        .selectFrom('repositories')
        .select((each) => each.fn.countAll<number>().as('count'))
        .whereRef('repositories.project_id', '=', 'projects.id')
        .as('repositories'),
    )
    .where('projects.id', 'in', ids)
    .execute();
  return rows.map((row) => ({ ...row, repositories: Number(row.repositories ?? 0) }));
}

/** How many members of a project hold each role. */
export async function countMembers(
  read: Reader,
  projectId: number,
): Promise<ReadonlyMap<Role, number>> {
  const rows = await read
    .selectFrom('project_members')
    .select((part) => ['role', part.fn.countAll<number>().as('count')])
    .where('project_id', '=', projectId)
    .groupBy('role')
    .execute();
  return new Map(rows.map(({ role, count }) => [role, Number(count)]));
}
