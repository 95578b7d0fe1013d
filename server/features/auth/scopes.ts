import { isRepositoryName } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';
import { catalogScope, type TokenScope } from '#server/http/access.ts';
import {
  decide,
  type Grants,
  projectOf,
  repositoryResource,
  systemResource,
} from '#server/permissions/decide.ts';
import type { Permission } from '#server/permissions/roles.ts';

/** Resources and actions, as the token protocol of distribution writes them into a token. */
export interface AccessEntry {
  readonly type: string;
  readonly class?: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/* A token that holds all of it, twice, fits the 16 KiB that HTTP servers take as headers. */
const maximumScopeBytes = 4 * 1024;
const maximumScopes = 50;

const repositoryPermissions: ReadonlyMap<string, Permission> = new Map([
  ['pull', 'repository:pull'],
  ['push', 'repository:push'],
  ['delete', 'artifact:delete'],
]);

/**
 * Reads `scope` parameters: `type:name:actions`, repeated or joined by spaces. What cannot be
 * understood is left out, as the token protocol asks; entries of one resource are joined.
 * @throws {Refusal} `invalid` for more than any client asks
 */
export function parseScopes(parameters: readonly string[]): readonly AccessEntry[] {
  const text = parameters.join(' ');
  if (text.length > maximumScopeBytes) {
    throw new Refusal(
      'invalid',
      `The scopes are longer than ${maximumScopeBytes} bytes: ask for fewer repositories at once.`,
    );
  }
  const entries = new Map<string, AccessEntry>();
  for (const scope of text.split(/\s+/)) {
    const entry = parseScope(scope);
    if (entry === undefined) continue;
    const key = `${entry.type}(${entry.class ?? ''}):${entry.name}`;
    const actions = new Set([...(entries.get(key)?.actions ?? []), ...entry.actions]);
    entries.set(key, { ...entry, actions: [...actions] });
  }
  if (entries.size > maximumScopes) {
    throw new Refusal(
      'invalid',
      `The scopes name more than ${maximumScopes} resources: ask for fewer repositories at once.`,
    );
  }
  return [...entries.values()];
}

/** The name may hold a port, so the first and the last colon divide. */
function parseScope(scope: string): AccessEntry | undefined {
  const first = scope.indexOf(':');
  const last = scope.lastIndexOf(':');
  if (first < 0 || last === first) return undefined;
  const type = /^([a-z0-9]+)(?:\(([a-z0-9]+)\))?$/.exec(scope.slice(0, first));
  const name = scope.slice(first + 1, last);
  const actions = scope.slice(last + 1).split(',');
  if (type?.[1] === 'repository' && isRepositoryName(name)) {
    const known = actions.includes('*')
      ? [...repositoryPermissions.keys()]
      : actions.filter((action) => repositoryPermissions.has(action));
    if (known.length === 0) return undefined;
    return { type: 'repository', ...(type[2] && { class: type[2] }), name, actions: known };
  }
  if (type?.[1] === 'registry' && name === 'catalog' && actions.includes('*')) {
    return { type: 'registry', name, actions: ['*'] };
  }
  return undefined;
}

/** The projects whose grants decide on `entries`. */
export function projectsOf(entries: readonly AccessEntry[]): readonly string[] {
  const repositories = entries.filter((entry) => entry.type === 'repository');
  return [...new Set(repositories.map((entry) => projectOf(entry.name)))];
}

/** What of `entries` the grants allow. */
export function intersect(entries: readonly AccessEntry[], grants: Grants): readonly AccessEntry[] {
  return entries.flatMap((entry) => {
    const actions = entry.actions.filter((action) => isAllowed(entry, action, grants));
    return actions.length === 0 ? [] : [{ ...entry, actions }];
  });
}

function isAllowed(entry: AccessEntry, action: string, grants: Grants): boolean {
  if (entry.type === 'registry') return decide(grants, 'catalog:read', systemResource).allowed;
  const permission = repositoryPermissions.get(action);
  if (permission === undefined) return false;
  return decide(grants, permission, repositoryResource(entry.name)).allowed;
}

/** `repository:team/app:pull,push registry:catalog:*`. */
export function formatScopes(entries: readonly AccessEntry[]): string {
  return entries
    .map(({ type, class: subtype, name, actions }) => {
      const resource = subtype === undefined ? type : `${type}(${subtype})`;
      return `${resource}:${name}:${actions.join(',')}`;
    })
    .join(' ');
}

export function tokenScopeOf(entries: readonly AccessEntry[]): TokenScope {
  const scope = new Map<string, ReadonlySet<string>>();
  for (const { type, name, actions } of entries) {
    const key = type === 'registry' ? catalogScope : name;
    scope.set(key, new Set([...(scope.get(key) ?? []), ...actions]));
  }
  return scope;
}
