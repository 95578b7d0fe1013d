import { sql } from 'kysely';
import type { Database, PreparedQuery, Reader } from '#server/database/database.ts';
import type { Page, SortKey, Term } from '#server/http/rest/index.ts';
import { textMatches } from '#server/http/rest/terms.ts';
import type { Given } from './permissions.ts';

export interface RobotRow {
  readonly id: number;
  readonly name: string;
  readonly level: 'system' | 'project';
  readonly project_id: number | null;
  readonly description: string;
  readonly duration: number;
  readonly expires_at: number | null;
  readonly disabled: 0 | 1;
  readonly permissions: string;
  readonly created_at: number;
  readonly updated_at: number;
}

const columns = [
  'id',
  'name',
  'level',
  'project_id',
  'description',
  'duration',
  'expires_at',
  'disabled',
  'permissions',
  'created_at',
  'updated_at',
] as const;

export const robotFilters = ['level', 'project_id', 'name'] as const;
export const robotSorts = ['name', 'id', 'creation_time', 'update_time'] as const;

const sortColumns = {
  name: 'name',
  id: 'id',
  creation_time: 'created_at',
  update_time: 'updated_at',
} as const;

export interface RobotSelection {
  /** undefined: the robots of the system. */
  readonly projectId: number | undefined;
  /** Of the stored name. */
  readonly name: Term | undefined;
  readonly sort: readonly SortKey<(typeof robotSorts)[number]>[];
}

export async function listRobots(
  read: Reader,
  { projectId, name, sort }: RobotSelection,
  page: Page,
): Promise<{ readonly rows: readonly RobotRow[]; readonly total: number }> {
  const level = read.selectFrom('robots');
  let matching =
    projectId === undefined
      ? level.where('level', '=', 'system')
      : level.where('project_id', '=', projectId);
  if (name !== undefined) matching = matching.where(textMatches(sql.ref('name'), name));
  const { total } = await matching
    .select((part) => part.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  let rows = matching.select(columns);
  for (const { field, falling } of sort) {
    rows = rows.orderBy(sortColumns[field], falling ? 'desc' : 'asc');
  }
  return {
    rows: await rows.orderBy('id').limit(page.limit).offset(page.offset).execute(),
    total: Number(total),
  };
}

export async function readRobot(read: Reader, id: number): Promise<RobotRow | undefined> {
  return read.selectFrom('robots').select(columns).where('id', '=', id).executeTakeFirst();
}

export function givenTo({ permissions }: Pick<RobotRow, 'permissions'>): readonly Given[] {
  return JSON.parse(permissions);
}

export interface RobotSignIn {
  readonly id: number;
  readonly name: string;
  readonly secret_hmac: Uint8Array;
  readonly expires_at: number | null;
  readonly disabled: 0 | 1;
  readonly credential_generation: number;
}

/** What requests ask of robots all the time. */
export interface RobotLookups {
  readonly byName: PreparedQuery<[storedName: string], RobotSignIn>;
  readonly byId: PreparedQuery<[id: number], RobotSignIn>;
  readonly permissionsById: PreparedQuery<[id: number], { readonly permissions: string }>;
}

export function prepareRobotLookups(database: Database): RobotLookups {
  const signIns = (read: Reader) =>
    read
      .selectFrom('robots')
      .select(['id', 'name', 'secret_hmac', 'expires_at', 'disabled', 'credential_generation']);
  return {
    byName: database.prepare((read, argument) =>
      signIns(read).where('name', '=', argument<string>(0)),
    ),
    byId: database.prepare((read, argument) => signIns(read).where('id', '=', argument<number>(0))),
    permissionsById: database.prepare((read, argument) =>
      read.selectFrom('robots').select('permissions').where('id', '=', argument<number>(0)),
    ),
  };
}
