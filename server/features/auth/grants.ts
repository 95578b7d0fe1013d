import type { Principal } from '#server/permissions/principals.ts';
import type { Permission, Role } from '#server/permissions/roles.ts';

/** What one source knows of a principal in one project. */
export interface ProjectShare {
  /** Said by the source that knows the projects, and by it alone: the project exists. */
  readonly public?: boolean;
  readonly role?: Role;
  readonly permissions?: ReadonlySet<Permission>;
}

/** What one source knows of a principal. */
export interface GrantShare {
  readonly systemAdmin?: boolean;
  readonly systemPermissions?: ReadonlySet<Permission>;
  /** By project name. A project that no source calls public or private does not exist. */
  readonly projects?: ReadonlyMap<string, ProjectShare>;
  /** Held in every project that exists. */
  readonly everyProject?: ReadonlySet<Permission>;
}

/**
 * Knows a part of what principals hold: users who is a system admin, projects which of them exist,
 * are public and have whom as a member, robots what each was given. What it says may change only
 * with the generation of grants.
 */
export interface GrantSource {
  /**
   * @param projects the names that are asked for, which need not exist; `all`: every project that
   *   this source knows anything of
   */
  grantsOf(
    principal: Principal,
    projects: readonly string[] | 'all',
  ): GrantShare | Promise<GrantShare>;
}
