import type { RobotPermission } from '#contract/robots.ts';
import { projectIdOf } from '#features/projects';
import { Refusal } from '#lib/errors.ts';
import type { Reader } from '#server/database/database.ts';
import { decide, type Grants, systemResource } from '#server/permissions/decide.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import { type Permission, permissionTable } from '#server/permissions/roles.ts';
import { invalid } from './errors.ts';

/** What a robot was given. A project is known by its id: one that comes later is another. */
export type Given =
  | { readonly kind: 'system'; readonly permissions: readonly Permission[] }
  | { readonly kind: 'every-project'; readonly permissions: readonly Permission[] }
  | {
      readonly kind: 'project';
      readonly project: string;
      readonly projectId: number;
      readonly permissions: readonly Permission[];
    };

const known = new Set<string>(
  Object.entries(permissionTable).flatMap(([resource, actions]) =>
    actions.map((action) => `${resource}:${action}`),
  ),
);

function isPermission(text: string): text is Permission {
  return known.has(text);
}

/** The projects that are named, each once. */
export function projectsIn(wanted: readonly RobotPermission[]): readonly string[] {
  const names = wanted
    .filter(({ kind, namespace }) => kind === 'project' && namespace !== '*')
    .map(({ namespace }) => namespace);
  return [...new Set(names)];
}

/**
 * What `wanted` gives, once `grants` hold all of it: nobody gives what they do not have.
 * @param held what the robot has already, which may stay
 * @throws {Refusal} `invalid`, `denied`, `not-found`
 */
export async function give(
  read: Reader,
  wanted: readonly RobotPermission[],
  grants: Grants,
  held: readonly Given[],
): Promise<readonly Given[]> {
  const given: Given[] = [];
  for (const entry of wanted) {
    const permissions = permissionsOf(entry);
    if (entry.kind === 'system') {
      if (entry.namespace !== '/') {
        throw invalid('A permission of kind system has the namespace "/".');
      }
      check(permissions, held, 'system', (permission) =>
        decide(grants, permission, systemResource),
      );
      given.push({ kind: 'system', permissions });
    } else if (entry.namespace === '*') {
      check(permissions, held, 'every-project', () =>
        grants.systemAdmin
          ? { allowed: true }
          : {
              allowed: false,
              reason: `${describePrincipal(grants.principal)} cannot give permissions in every project: this needs a system admin`,
            },
      );
      given.push({ kind: 'every-project', permissions });
    } else {
      const project = entry.namespace;
      check(permissions, held, project, (permission) =>
        decide(grants, permission, { kind: 'project', project }),
      );
      const projectId = await projectIdOf(read, project);
      if (projectId === undefined) {
        throw new Refusal(
          'not-found',
          `There is no project ${JSON.stringify(project)}: create it with berth project create first.`,
        );
      }
      given.push({ kind: 'project', project, projectId, permissions });
    }
  }
  return given;
}

function permissionsOf({ access }: RobotPermission): readonly Permission[] {
  const permissions = access.map(({ resource, action, effect }) => {
    if (effect !== undefined && effect !== '' && effect !== 'allow') {
      throw invalid(`A robot's permission has the effect "allow", not ${JSON.stringify(effect)}.`);
    }
    const permission = `${resource}:${action}`;
    if (!isPermission(permission)) {
      throw invalid(
        `There is no permission ${JSON.stringify(permission)} here: use those of ${[...known].join(', ')}.`,
      );
    }
    return permission;
  });
  return [...new Set(permissions)];
}

type Allowance = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

/** @param place a project's name, or the kind of what is no project */
function check(
  permissions: readonly Permission[],
  held: readonly Given[],
  place: string,
  ask: (permission: Permission) => Allowance,
) {
  for (const permission of permissions) {
    const has = held.some(
      (given) =>
        (given.kind === 'project' ? given.project : given.kind) === place &&
        given.permissions.includes(permission),
    );
    const allowance: Allowance = has ? { allowed: true } : ask(permission);
    if (!allowance.allowed) {
      throw new Refusal(
        'denied',
        `A robot gets no more than its creator has: ${allowance.reason}.`,
      );
    }
  }
}

export function wireOf(given: readonly Given[]): RobotPermission[] {
  return given.map((entry) => ({
    kind: entry.kind === 'system' ? 'system' : 'project',
    namespace: namespaceOf(entry),
    access: entry.permissions.map((permission) => {
      const [resource = '', action = ''] = permission.split(':');
      return { resource, action, effect: 'allow' };
    }),
  }));
}

function namespaceOf(given: Given): string {
  if (given.kind === 'system') return '/';
  return given.kind === 'every-project' ? '*' : given.project;
}
