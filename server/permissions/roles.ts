/** Harbor's roles of a project, least first. */
export const roles = [
  'limited-guest',
  'guest',
  'developer',
  'maintainer',
  'project-admin',
] as const;

export type Role = (typeof roles)[number];

/**
 * What can be done to a resource. The pairs are Harbor's, so that robots made for Harbor keep their
 * meaning; `authority`, `cluster` and `metrics` are ours, and of the system only.
 */
export const permissionTable = {
  repository: ['pull', 'push', 'list', 'read', 'update', 'delete'],
  artifact: ['list', 'read', 'create', 'delete'],
  tag: ['list', 'create', 'delete'],
  project: ['list', 'read', 'create', 'update', 'delete'],
  member: ['list', 'read', 'create', 'update', 'delete'],
  robot: ['list', 'read', 'create', 'update', 'delete'],
  user: ['list', 'read', 'create', 'update', 'delete'],
  catalog: ['read'],
  authority: ['update'],
  cluster: ['list', 'read', 'create', 'update', 'delete'],
  metrics: ['read'],
  'garbage-collection': ['list', 'read', 'create', 'stop'],
} as const;

export type ResourceKind = keyof typeof permissionTable;

/** `resource:action`, such as `repository:pull`. */
export type Permission = {
  [Kind in ResourceKind]: `${Kind}:${(typeof permissionTable)[Kind][number]}`;
}[ResourceKind];

const limitedGuest: readonly Permission[] = [
  'project:read',
  'repository:pull',
  'repository:list',
  'repository:read',
  'artifact:list',
  'artifact:read',
  'tag:list',
];
const guest: readonly Permission[] = [
  ...limitedGuest,
  'member:list',
  'member:read',
  'robot:list',
  'robot:read',
];
const developer: readonly Permission[] = [
  ...guest,
  'repository:push',
  'repository:update',
  'artifact:create',
  'tag:create',
];
const maintainer: readonly Permission[] = [
  ...developer,
  'repository:delete',
  'artifact:delete',
  'tag:delete',
];
const projectAdmin: readonly Permission[] = [
  ...maintainer,
  'project:update',
  'project:delete',
  'member:create',
  'member:update',
  'member:delete',
  'robot:create',
  'robot:update',
  'robot:delete',
];

export const permissionsOfRole: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  'limited-guest': new Set(limitedGuest),
  guest: new Set(guest),
  developer: new Set(developer),
  maintainer: new Set(maintainer),
  'project-admin': new Set(projectAdmin),
};

/** What anyone, signed in or not, may do in a public project. */
export const permissionsOfPublicProject: ReadonlySet<Permission> = new Set(limitedGuest);

/** The least role that holds `permission`; undefined where only a system admin does. */
export function leastRoleWith(permission: Permission): Role | undefined {
  return roles.find((role) => permissionsOfRole[role].has(permission));
}
