/**
 * What kind of thing a request is for: a closed list, since each member is a row of several metrics.
 * `blob`, `upload` and so on are the endpoints of the distribution specification.
 */
export const routeClasses = [
  'base',
  'catalog',
  'tags',
  'referrers',
  'manifest',
  'blob',
  'upload',
  'token',
  'api',
  'agent',
  'chart',
  'probe',
  'metrics',
  'other',
] as const;

export type RouteClass = (typeof routeClasses)[number];

/** Kinds by the segment before the last one of a path below `/v2/`. */
const nouns: ReadonlyMap<string, RouteClass> = new Map([
  ['manifests', 'manifest'],
  ['blobs', 'blob'],
  ['uploads', 'upload'],
  ['tags', 'tags'],
  ['referrers', 'referrers'],
]);

const exact: ReadonlyMap<string, RouteClass> = new Map([
  ['/v2', 'base'],
  ['/v2/', 'base'],
  ['/v2/_catalog', 'catalog'],
  ['/service/token', 'token'],
  ['/healthz', 'probe'],
  ['/readyz', 'probe'],
  ['/metrics', 'metrics'],
]);

/** Where a request goes, as far as metrics and logs tell it. */
export interface Target {
  readonly route: RouteClass;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  /** As the client wrote it. */
  readonly repository: string | undefined;
}

/** The class alone. Every request asks for it, so pulls are told without a new string. */
export function routeOf(target: string): RouteClass {
  if (target.startsWith('/v2/') && !target.includes('%')) {
    const mark = target.indexOf('?');
    const end = mark < 0 ? target.length : mark;
    const last = target.lastIndexOf('/', end - 1);
    const before = target.lastIndexOf('/', last - 1);
    if (before >= 4) {
      if (target.startsWith('manifests/', before + 1)) return 'manifest';
      if (target.startsWith('blobs/sha', before + 1)) return 'blob';
    }
  }
  return readTarget(target).route;
}

/** Reads a request target. It judges nothing: a path that is refused later has a class all the same. */
export function readTarget(target: string): Target {
  const mark = target.indexOf('?');
  const written = mark < 0 ? target : target.slice(0, mark);
  if (!written.startsWith('/')) return readTarget(pathOfAbsolute(target));
  const path = written.includes('%') ? decoded(written) : written;
  const known = exact.get(path);
  if (known !== undefined) return { route: known, path, repository: undefined };
  if (path.startsWith('/v2/')) return readRegistryPath(path);
  return { route: routeBesideRegistry(path), path, repository: undefined };
}

function readRegistryPath(path: string): Target {
  const last = path.lastIndexOf('/');
  const before = path.lastIndexOf('/', last - 1);
  const route = before < 4 ? undefined : nouns.get(path.slice(before + 1, last));
  if (route === undefined) return { route: 'other', path, repository: undefined };
  if (route !== 'upload') {
    const opens = route === 'blob' && path.endsWith('/uploads');
    return { route: opens ? 'upload' : route, path, repository: path.slice(4, before) };
  }
  const repository = path.slice(4, before).replace(/\/blobs$/, '');
  return { route, path, repository };
}

function routeBesideRegistry(path: string): RouteClass {
  if (path.startsWith('/chartrepo/') || path.startsWith('/api/chartrepo/')) return 'chart';
  if (path.startsWith('/api/v2.0/agent/')) return 'agent';
  return path.startsWith('/api/') ? 'api' : 'other';
}

/** Of the absolute form, whose authority may hold a password; `/` for what is no path at all. */
function pathOfAbsolute(target: string): string {
  const path = URL.parse(target)?.pathname;
  return path?.startsWith('/') ? path : '/';
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
