import { compareBuild, parse, prerelease, type SemVer } from 'semver';

const maximumVersionLength = 200;

/**
 * A version as Helm reads one: a leading `v` and missing numbers pass. Undefined for what Helm
 * refuses.
 */
export function parseVersion(text: string): SemVer | undefined {
  if (text.length > maximumVersionLength) return undefined;
  const match = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?((?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [, major = '0', minor = '0', patch = '0', rest = ''] = match;
  return parse(`${major}.${minor}.${patch}${rest}`) ?? undefined;
}

/** Highest first; what is no version comes last. */
export function compareVersionsFalling(one: string, other: string): number {
  const [first, second] = [parseVersion(one), parseVersion(other)];
  if (first === undefined || second === undefined) {
    if (first === second) return one < other ? 1 : one > other ? -1 : 0;
    return first === undefined ? 1 : -1;
  }
  return compareBuild(second, first);
}

/** What `helm install` takes when it is told no version: pre-releases only where there is nothing else. */
export function latestOf<Item extends { readonly version: string }>(
  fallingItems: readonly Item[],
): Item | undefined {
  const stable = fallingItems.find(({ version }) => {
    const parsed = parseVersion(version);
    return parsed !== undefined && prerelease(parsed) === null;
  });
  return stable ?? fallingItems[0];
}

/** The tag that Helm gives a version, since tags have no `+`. */
export function tagOfVersion(version: string): string {
  return version.replaceAll('+', '_');
}

/** What Helm takes a tag for; undefined when it is no version. */
export function versionOfTag(tag: string): string | undefined {
  const version = tag.replaceAll('_', '+');
  return parseVersion(version) === undefined ? undefined : version;
}
