import type { GrantShare, GrantSource, ProjectShare } from '#features/auth';
import { projectIdOf } from '#features/projects';
import type { Reader } from '#server/database/database.ts';
import type { Permission } from '#server/permissions/roles.ts';
import type { Given } from './permissions.ts';
import { givenTo, type RobotLookups } from './queries.ts';

const nothing: GrantShare = {};

/** What each robot was given, in the projects that it was given for. */
export function createRobotGrants(read: Reader, lookups: RobotLookups): GrantSource {
  return {
    grantsOf: (principal, asked) =>
      principal.kind === 'robot' ? load(principal.id, asked) : nothing,
  };

  async function load(id: number, asked: readonly string[] | 'all'): Promise<GrantShare> {
    const row = await lookups.permissionsById(id);
    if (row === undefined) return nothing;
    const given = givenTo(row);
    const projects = new Map<string, ProjectShare>();
    for (const entry of given) {
      if (entry.kind !== 'project') continue;
      const { project, projectId } = entry;
      if (asked !== 'all' && !asked.includes(project)) continue;
      if ((await projectIdOf(read, project)) !== projectId) continue;
      const earlier = projects.get(project)?.permissions ?? [];
      projects.set(project, { permissions: new Set([...earlier, ...entry.permissions]) });
    }
    return {
      systemPermissions: ofKind(given, 'system'),
      everyProject: ofKind(given, 'every-project'),
      projects,
    };
  }
}

function ofKind(given: readonly Given[], kind: Given['kind']): ReadonlySet<Permission> {
  return new Set(given.flatMap((entry) => (entry.kind === kind ? entry.permissions : [])));
}
