import { isRepositoryName, nameRules, splitRepositoryName } from '#contract/names.ts';
import { OciError } from '#oci/errors.ts';

/** What a path below `/v2/` names. References and digests are still as the client wrote them. */
export type RegistryPath =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: string }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: string };

/**
 * Reads a request path. A repository may itself hold segments such as `manifests`: the last ones
 * decide. Undefined when the path is none of the specification's endpoints.
 * @throws {OciError} NAME_INVALID, NAME_UNKNOWN
 */
export function parseRegistryPath(path: string): RegistryPath | undefined {
  const decoded = path.includes('%') ? decode(path) : path;
  if (decoded === '/v2/' || decoded === '/v2') return { kind: 'base' };
  if (decoded === '/v2/_catalog') return { kind: 'catalog' };
  if (!decoded?.startsWith('/v2/')) return undefined;
  const rest = decoded.slice('/v2/'.length);
  const lastSlash = rest.lastIndexOf('/');
  const slash = rest.lastIndexOf('/', lastSlash - 1);
  if (slash <= 0) return undefined;
  const last = rest.slice(lastSlash + 1);
  const noun = rest.slice(slash + 1, lastSlash);
  const before = rest.slice(0, slash);

  if (noun === 'uploads' && before.endsWith('/blobs')) {
    const repository = requireRepository(before.slice(0, -'/blobs'.length));
    return last === '' ? { kind: 'uploads', repository } : { kind: 'upload', repository, id: last };
  }
  if (last === '') return undefined;
  switch (noun) {
    case 'manifests':
      return { kind: 'manifest', repository: requireRepository(before), reference: last };
    case 'blobs':
      return last === 'uploads'
        ? { kind: 'uploads', repository: requireRepository(before) }
        : { kind: 'blob', repository: requireRepository(before), digest: last };
    case 'tags':
      return last === 'list' ? { kind: 'tags', repository: requireRepository(before) } : undefined;
    case 'referrers':
      return { kind: 'referrers', repository: requireRepository(before), digest: last };
    default:
      return undefined;
  }
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** @throws {OciError} NAME_INVALID; NAME_UNKNOWN for a name that can only be of another registry */
export function requireRepository(name: string): string {
  if (splitRepositoryName(name) !== undefined) return name;
  if (isRepositoryName(name)) {
    // Docker repeats a push five times when it is told that the name is invalid.
    throw new OciError(
      'NAME_UNKNOWN',
      `The repository ${name} names no project: repositories read PROJECT/NAME, so write for instance library/${name}.`,
    );
  }
  throw new OciError(
    'NAME_INVALID',
    `The repository name is not valid: it must ${nameRules.repository}.`,
  );
}
