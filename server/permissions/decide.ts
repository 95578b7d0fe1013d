import { describePrincipal, type Principal } from './principals.ts';
import {
  leastRoleWith,
  type Permission,
  permissionsOfPublicProject,
  permissionsOfRole,
  type ResourceKind,
  type Role,
} from './roles.ts';

/** What a principal holds in one project that exists. */
export interface ProjectGrant {
  readonly public: boolean;
  /** The highest role of the principal as a member. */
  readonly role?: Role;
  /** What a robot was given here. */
  readonly permissions?: ReadonlySet<Permission>;
}

/** All that decides what a principal may do. Projects that do not exist, or hold nothing for it, are absent. */
export interface Grants {
  readonly principal: Principal;
  readonly systemAdmin: boolean;
  /** What a system robot was given outside projects. */
  readonly systemPermissions?: ReadonlySet<Permission>;
  /** By project name. */
  readonly projects: ReadonlyMap<string, ProjectGrant>;
}

export type Resource =
  | { readonly kind: 'system' }
  | { readonly kind: 'project'; readonly project: string }
  | { readonly kind: 'repository'; readonly project: string; readonly repository: string };

export const systemResource: Resource = { kind: 'system' };

/** A repository's project is the first segment of its name. */
export function projectOf(repository: string): string {
  const slash = repository.indexOf('/');
  return slash < 0 ? repository : repository.slice(0, slash);
}

export function repositoryResource(repository: string): Resource {
  return { kind: 'repository', project: projectOf(repository), repository };
}

export type Decision =
  | { readonly allowed: true }
  /** `visible`: the principal may know that the resource exists. `reason`: a sentence with its cure. */
  | { readonly allowed: false; readonly visible: boolean; readonly reason: string };

const allowed: Decision = { allowed: true };

/** The one place that decides who may do what. Pure. */
export function decide(grants: Grants, permission: Permission, resource: Resource): Decision {
  if (grants.systemAdmin) return allowed;
  if (resource.kind === 'system') {
    if (grants.systemPermissions?.has(permission)) return allowed;
    return {
      allowed: false,
      visible: true,
      reason: explain(grants.principal, permission, resource),
    };
  }
  const grant = grants.projects.get(resource.project);
  if (grant !== undefined && holds(grant, permission)) return allowed;
  return {
    allowed: false,
    visible: grant !== undefined && holds(grant, 'project:read'),
    reason: explain(grants.principal, permission, resource),
  };
}

function holds(grant: ProjectGrant, permission: Permission): boolean {
  if (grant.public && permissionsOfPublicProject.has(permission)) return true;
  if (grant.role !== undefined && permissionsOfRole[grant.role].has(permission)) return true;
  return grant.permissions?.has(permission) ?? false;
}

const nounOf: Readonly<Record<ResourceKind, string>> = {
  repository: 'repositories',
  artifact: 'artifacts',
  tag: 'tags',
  project: 'projects',
  member: 'members',
  robot: 'robots',
  user: 'users',
  catalog: 'the catalog',
  authority: 'the authority',
  cluster: 'clusters',
  metrics: 'the metrics',
  'garbage-collection': 'garbage collections',
};

function explain(principal: Principal, permission: Permission, resource: Resource): string {
  const [kind, action] = permission.split(':');
  const verb = kind === 'repository' || kind === 'artifact' ? action : `${kind} ${action}`;
  if (resource.kind === 'system') {
    return `${describePrincipal(principal)} may not ${action} ${nounOf[kind as ResourceKind]}: this needs a system admin`;
  }
  const target =
    resource.kind === 'repository' ? resource.repository : `project ${resource.project}`;
  const lacks = `${describePrincipal(principal)} has no ${verb} on ${target}`;
  return `${lacks}: ${cure(principal, permission, resource.project)}`;
}

/** The command that grants what is missing. It reads the same whether or not the project exists. */
function cure(principal: Principal, permission: Permission, project: string): string {
  const role = leastRoleWith(permission);
  switch (principal.kind) {
    case 'anonymous':
      return 'sign in, or check that the pull secret names this host and port';
    case 'robot': {
      // A robot of a project (`robot+team+ci`) cannot be given anything outside it.
      const [, home, name] = principal.name.split('+');
      return name === undefined || home === project
        ? `run berth robot update ${principal.name} --permission ${permission} --project ${project}`
        : `it belongs to ${home}, so an admin of ${project} has to make another with berth robot create ${name} --project ${project} --permission ${permission}`;
    }
    case 'user':
      if (permission === 'repository:push') {
        return `create the project with berth project create ${project}, or have its admin run berth member add ${project} ${principal.name} --role ${role}`;
      }
      return role === undefined
        ? 'this needs a system admin'
        : `an admin of ${project} can run berth member add ${project} ${principal.name} --role ${role}`;
    case 'workload': {
      const { cluster, namespace } = principal;
      return role === 'limited-guest'
        ? `an admin of ${project} can run berth cluster grant ${cluster} --namespace ${namespace} --project ${project}`
        : `an admin of ${project} can run berth member add ${project} --namespace ${cluster}/${namespace} --role ${role ?? 'guest'}`;
    }
  }
}
