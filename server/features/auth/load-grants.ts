import { type BoundedCache, createBoundedCache } from '#lib/bounded-cache.ts';
import { chain, type MaybePromise } from '#lib/maybe-promise.ts';
import type { ReadGrantGeneration } from '#server/database/generations.ts';
import type { LoadGrants } from '#server/http/access.ts';
import type { Grants, ProjectGrant } from '#server/permissions/decide.ts';
import { type Principal, workloadName } from '#server/permissions/principals.ts';
import type { Permission, Role } from '#server/permissions/roles.ts';
import { roles } from '#server/permissions/roles.ts';
import type { CacheCounts } from '#server/telemetry/cache-counts.ts';
import type { GrantShare, GrantSource, ProjectShare } from './grants.ts';

export interface LoadGrantsOptions {
  readonly sources: readonly GrantSource[];
  readonly readGeneration: ReadGrantGeneration;
  readonly counts: CacheCounts;
}

/** Of grants in projects that were named; a principal's grants in all projects may be many. */
const rememberedFew = 20_000;
const rememberedAll = 64;

/** Joins what every source knows. An answer is kept as long as the generation of grants stands. */
export function createLoadGrants({
  sources,
  readGeneration,
  counts,
}: LoadGrantsOptions): LoadGrants {
  const few = createBoundedCache<Grants>(rememberedFew);
  const all = createBoundedCache<Grants>(rememberedAll);
  let remembered = Number.NaN;

  function recallOrLoad(
    generation: number,
    principal: Principal,
    projects: readonly string[] | 'all',
  ): MaybePromise<Grants> {
    if (generation !== remembered) {
      few.clear();
      all.clear();
      remembered = generation;
    }
    const cache: BoundedCache<Grants> = projects === 'all' ? all : few;
    const key = `${principalKey(principal)}\n${projects === 'all' ? '' : projects.join('\n')}`;
    const known = cache.get(key);
    if (known !== undefined) {
      counts.hits += 1;
      return known;
    }
    counts.misses += 1;
    return chain(askAll(sources, principal, projects), (shares) => {
      const grants = join(principal, shares, projects);
      if (generation === remembered) cache.set(key, grants);
      return grants;
    });
  }

  return (principal, projects) =>
    chain(readGeneration(), (generation) => recallOrLoad(generation, principal, projects));
}

function askAll(
  sources: readonly GrantSource[],
  principal: Principal,
  projects: readonly string[] | 'all',
): MaybePromise<readonly GrantShare[]> {
  const shares: GrantShare[] = [];
  const pending: Promise<GrantShare>[] = [];
  for (const source of sources) {
    const share = source.grantsOf(principal, projects);
    if (share instanceof Promise) pending.push(share);
    else shares.push(share);
  }
  return pending.length === 0 ? shares : Promise.all(pending).then((late) => [...shares, ...late]);
}

function principalKey(principal: Principal): string {
  switch (principal.kind) {
    case 'anonymous':
      return 'anonymous';
    case 'workload':
      return `workload ${workloadName(principal)}`;
    case 'user':
    case 'robot':
      return `${principal.kind} ${principal.id} ${principal.name}`;
  }
}

function join(
  principal: Principal,
  shares: readonly GrantShare[],
  asked: readonly string[] | 'all',
): Grants {
  const names =
    asked === 'all' ? shares.flatMap((share) => [...(share.projects?.keys() ?? [])]) : asked;
  const everywhere = union(shares.map((share) => share.everyProject));
  const projects = new Map<string, ProjectGrant>();
  for (const name of new Set(names)) {
    const grant = joinProject(
      shares.flatMap((share) => share.projects?.get(name) ?? []),
      everywhere,
    );
    if (grant !== undefined) projects.set(name, grant);
  }
  const systemPermissions = union(shares.map((share) => share.systemPermissions));
  return {
    principal,
    systemAdmin: shares.some((share) => share.systemAdmin === true),
    ...(systemPermissions.size > 0 && { systemPermissions }),
    projects,
  };
}

/** Undefined where the project does not exist, or holds nothing for the principal. */
function joinProject(
  shares: readonly ProjectShare[],
  everywhere: ReadonlySet<Permission>,
): ProjectGrant | undefined {
  const exists = shares.find((share) => share.public !== undefined);
  if (exists === undefined) return undefined;
  const role = highest(shares.flatMap((share) => share.role ?? []));
  const permissions = union([everywhere, ...shares.map((share) => share.permissions)]);
  const isPublic = exists.public === true;
  if (!isPublic && role === undefined && permissions.size === 0) return undefined;
  return {
    public: isPublic,
    ...(role !== undefined && { role }),
    ...(permissions.size > 0 && { permissions }),
  };
}

function highest(held: readonly Role[]): Role | undefined {
  return roles.findLast((role) => held.includes(role));
}

function union(sets: readonly (ReadonlySet<Permission> | undefined)[]): ReadonlySet<Permission> {
  return new Set(sets.flatMap((set) => [...(set ?? [])]));
}
