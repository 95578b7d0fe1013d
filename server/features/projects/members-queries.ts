import { sql } from 'kysely';
import type { Reader, Transaction } from '#server/database/database.ts';
import type { Page, SortKey, Term } from '#server/http/rest/index.ts';
import { contains, textMatches } from '#server/http/rest/terms.ts';
import type { Role } from '#server/permissions/roles.ts';

export interface MemberRow {
  readonly id: number;
  readonly project_id: number;
  readonly kind: 'user' | 'workload';
  readonly user_id: number | null;
  /** A user's name or `cluster/namespace/serviceaccount`. */
  readonly name: string;
  readonly role: Role;
}

export const memberFilters = ['entity_name', 'entity_type'] as const;
export const memberSorts = ['entity_name', 'id'] as const;

export interface MemberSelection {
  readonly projectId: number;
  readonly terms: ReadonlyMap<(typeof memberFilters)[number], Term>;
  readonly sort: readonly SortKey<(typeof memberSorts)[number]>[];
  /** A part of the name. */
  readonly name?: string | undefined;
}

const memberName = sql<string>`coalesce(${sql.ref('users.username')}, ${sql.ref('project_members.workload')})`;
const memberType = sql<string>`case ${sql.ref('project_members.kind')} when 'user' then 'u' else 'w' end`;

function membersOf(read: Reader, { projectId, name, terms }: MemberSelection) {
  let query = read
    .selectFrom('project_members')
    .leftJoin('users', 'users.id', 'project_members.user_id')
    .where('project_members.project_id', '=', projectId);
  if (name !== undefined) query = query.where(contains(memberName, name));
  for (const [field, term] of terms) {
    query = query.where(textMatches(field === 'entity_name' ? memberName : memberType, term));
  }
  return query;
}

export async function listMembers(
  read: Reader,
  selection: MemberSelection,
  page: Page,
): Promise<{ readonly rows: readonly MemberRow[]; readonly total: number }> {
  const members = membersOf(read, selection);
  const { total } = await members
    .select((part) => part.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  let query = members
    .select(['project_members.id', 'project_members.project_id', 'project_members.kind'])
    .select(['project_members.user_id', 'project_members.role', memberName.as('name')]);
  for (const { field, falling } of selection.sort) {
    const column = field === 'id' ? sql.ref('project_members.id') : memberName;
    query = query.orderBy(column, falling ? 'desc' : 'asc');
  }
  const rows = await query
    .orderBy('project_members.id')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { rows, total: Number(total) };
}

export async function readMember(
  read: Reader | Transaction,
  projectId: number,
  id: number,
): Promise<MemberRow | undefined> {
  return membersOf(read, { projectId, terms: new Map(), sort: [] })
    .select(['project_members.id', 'project_members.project_id', 'project_members.kind'])
    .select(['project_members.user_id', 'project_members.role', memberName.as('name')])
    .where('project_members.id', '=', id)
    .executeTakeFirst();
}

/** The workloads that are members of projects, `cluster/namespace/serviceaccount` each. */
export async function memberWorkloads(read: Reader): Promise<readonly string[]> {
  const rows = await read
    .selectFrom('project_members')
    .select('workload')
    .distinct()
    .where('kind', '=', 'workload')
    .execute();
  return rows.flatMap(({ workload }) => workload ?? []);
}
