const maximumPathLength = 1_024;
const maximumPathDepth = 32;

const keptNames: ReadonlySet<string> = new Set([
  'Chart.yaml',
  'Chart.lock',
  'requirements.yaml',
  'requirements.lock',
  'values.yaml',
  'values.schema.json',
]);

/** What the path of an archive's entry says of it. `path` begins below the chart's own folder. */
export type EntryPlace =
  | { readonly kind: 'kept' | 'passed'; readonly path: string }
  /** `reason` reads on after "was ignored:". */
  | { readonly kind: 'ignored'; readonly reason: string };

/** Nothing is ever written to a path of an archive; what no chart needs is refused all the same. */
export function placeOf(entry: string): EntryPlace {
  if (entry.length > maximumPathLength) {
    return { kind: 'ignored', reason: `its path is longer than ${maximumPathLength} characters` };
  }
  // Archives made on Windows may divide by backslashes, as Helm's own reader knows.
  const full = entry.includes('\\') ? entry.replaceAll('\\', '/') : entry;
  if (full.startsWith('/') || /^[a-zA-Z]:/.test(full)) {
    return { kind: 'ignored', reason: 'its path is absolute' };
  }
  const segments = full.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) {
    return { kind: 'ignored', reason: 'its path leads out of the chart' };
  }
  if (segments.length > maximumPathDepth) {
    return { kind: 'ignored', reason: `its path is deeper than ${maximumPathDepth} folders` };
  }
  const path = segments.slice(1).join('/');
  return { kind: isKept(path) ? 'kept' : 'passed', path };
}

function isKept(path: string): boolean {
  return keptNames.has(path) || isReadme(path) || isTemplate(path);
}

export function isReadme(path: string): boolean {
  return /^readme\.(?:md|txt)$/i.test(path);
}

/** Templates and custom resource definitions. */
export function isTemplate(path: string): boolean {
  return path.startsWith('templates/') || path.startsWith('crds/');
}
