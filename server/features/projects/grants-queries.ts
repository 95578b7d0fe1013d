import { sql } from 'kysely';
import type { GrantShare, GrantSource, ProjectShare } from '#features/auth';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import type { Database, Reader } from '#server/database/database.ts';
import type { Principal } from '#server/permissions/principals.ts';
import { type Permission, type Role, roles } from '#server/permissions/roles.ts';

interface ShareRow {
  readonly public: 0 | 1;
  readonly role: Role | null;
}

interface NamedShareRow extends ShareRow {
  readonly name: string;
}

/** Harbor's default: whoever has an account may begin a project. */
const everyUser: ReadonlySet<Permission> = new Set(['project:create']);

/**
 * Which projects exist and are public, and the role that a person or a workload holds in each as a
 * member: the highest, where several memberships cover a workload.
 */
export function createMembershipGrants(database: Database): GrantSource {
  const ofAnyone = database.prepare<[name: string], ShareRow>((read, argument) =>
    read
      .selectFrom('projects')
      .select(['public', sql<Role | null>`null`.as('role')])
      .where('name', '=', argument<string>(0)),
  );
  const ofUser = database.prepare<[name: string, userId: number], ShareRow>((read, argument) =>
    read
      .selectFrom('projects')
      .leftJoin('project_members', (join) =>
        join
          .onRef('project_members.project_id', '=', 'projects.id')
          .on('project_members.user_id', '=', argument<number>(1)),
      )
      .select(['projects.public', 'project_members.role'])
      .where('projects.name', '=', argument<string>(0)),
  );

  function rowOfOne(principal: Principal, name: string): MaybePromise<ShareRow | undefined> {
    switch (principal.kind) {
      case 'user':
        return ofUser(name, principal.id);
      case 'workload':
        return rowsOf(database.read, principal, [name]).then(([first]) => first);
      default:
        return ofAnyone(name);
    }
  }

  return {
    grantsOf(principal, names) {
      const [only] = names;
      if (only === undefined) return shareOf(principal, []);
      if (names.length === 1) {
        return chain(rowOfOne(principal, only), (row) =>
          shareOf(principal, row === undefined ? [] : [{ ...row, name: only }]),
        );
      }
      return rowsOf(database.read, principal, names).then((rows) => shareOf(principal, rows));
    },
  };
}

function shareOf(principal: Principal, rows: readonly NamedShareRow[]): GrantShare {
  const projects = new Map<string, ProjectShare>();
  for (const { name, public: isPublic, role } of rows) {
    if (projects.has(name)) continue;
    projects.set(name, { public: isPublic === 1, ...(role !== null && { role }) });
  }
  return principal.kind === 'user' ? { systemPermissions: everyUser, projects } : { projects };
}

/**
 * One row a membership that covers `principal`, the highest role first; one without a role where
 * there is none.
 */
async function rowsOf(
  read: Reader,
  principal: Principal,
  projects: readonly string[] | 'all',
): Promise<readonly NamedShareRow[]> {
  let query = read
    .selectFrom('projects')
    .leftJoin('project_members', (join) =>
      join.onRef('project_members.project_id', '=', 'projects.id').on((member) => {
        switch (principal.kind) {
          case 'user':
            return member('project_members.user_id', '=', principal.id);
          case 'workload':
            return member('project_members.workload', 'in', patternsOf(principal));
          default:
            return member.lit(false);
        }
      }),
    )
    .select(['projects.name', 'projects.public', 'project_members.role']);
  if (projects !== 'all') query = query.where('projects.name', 'in', projects);
  const rows = await query.execute();
  return rows.toSorted((one, other) => rank(other.role) - rank(one.role));
}

/** Every member's name that covers a workload. */
function patternsOf(workload: Extract<Principal, { kind: 'workload' }>): string[] {
  const { cluster, namespace, serviceAccount } = workload;
  return [namespace, '*'].flatMap((space) =>
    [serviceAccount, '*'].map((account) => `${cluster}/${space}/${account}`),
  );
}

function rank(role: Role | null): number {
  return role === null ? -1 : roles.indexOf(role);
}
