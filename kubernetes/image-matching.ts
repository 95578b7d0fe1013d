import type { RegistryCredential } from './dockerconfigjson.ts';

/*
 * Which credentials a kubelet tries for an image: the rules of its package credentialprovider,
 * where the host is compared label by label, the port exactly, and the path as a plain prefix.
 */

interface Location {
  readonly host: string;
  readonly port: string;
  readonly path: string;
}

/** Why a key of `auths` is not used for an image. */
export type Mismatch = 'invalid-key' | 'host' | 'port' | 'path';

const dockerHubHost = 'index.docker.io';

/**
 * The credentials tried for `repository` (`host[:port]/path`, without tag or digest), in order:
 * the more specific path first.
 */
export function credentialsForImage(
  credentials: readonly RegistryCredential[],
  repository: string,
): RegistryCredential[] {
  const keyed = credentials
    .map((credential) => ({ credential, key: normalizeKey(credential.key) }))
    .filter((entry): entry is typeof entry & { key: string } => entry.key !== undefined)
    .sort((one, other) => (one.key < other.key ? 1 : one.key > other.key ? -1 : 0));
  const matching = keyed.filter((entry) => mismatch(entry.key, repository) === undefined);
  const chosen =
    matching.length > 0 || !isOnDockerHub(repository)
      ? matching
      : keyed.filter((entry) => entry.key === dockerHubHost);
  return chosen.map((entry) => entry.credential);
}

/** What keeps `key` from being used for `repository`; undefined when it is used. */
export function explainMismatch(key: string, repository: string): Mismatch | undefined {
  const normalized = normalizeKey(key);
  if (normalized === undefined) return 'invalid-key';
  if (normalized === dockerHubHost && isOnDockerHub(repository)) return undefined;
  return mismatch(normalized, repository);
}

/** Drops the scheme and what older clients wrote for the API version; undefined for no URL. */
function normalizeKey(key: string): string | undefined {
  const location = parseLocation(key.replace(/^https?:\/\//, ''));
  if (location === undefined) return undefined;
  const path = /^\/v[12]\//.test(location.path) ? location.path.slice(3) : location.path;
  return location.authority + (path === '/' ? '' : path);
}

function mismatch(key: string, repository: string): Mismatch | undefined {
  const wanted = parseLocation(key);
  const target = parseLocation(repository);
  if (wanted === undefined || target === undefined) return 'invalid-key';
  const wantedLabels = wanted.host.split('.');
  const targetLabels = target.host.split('.');
  const hostMatches =
    wantedLabels.length === targetLabels.length &&
    wantedLabels.every((label, index) => globMatches(label, targetLabels[index] ?? ''));
  if (!hostMatches) return 'host';
  if (wanted.port !== target.port) return 'port';
  return target.path.startsWith(wanted.path) ? undefined : 'path';
}

/** As Go's url.Parse reads `https://` and the text, query and fragment dropped. */
function parseLocation(text: string): (Location & { readonly authority: string }) | undefined {
  const bare = text.replace(/[?#].*$/s, '');
  const slash = bare.indexOf('/');
  const authorityWithUser = slash < 0 ? bare : bare.slice(0, slash);
  const authority = authorityWithUser.slice(authorityWithUser.lastIndexOf('@') + 1);
  const path = decodePath(slash < 0 ? '' : bare.slice(slash));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Go's URL parser refuses them
  if (path === undefined || /[\s\\^`{|}%\x00-\x1f\x7f]/.test(authority)) return undefined;
  const split = /^(?:\[([^\]]*)\]|([^:]*)):(\d*)$/.exec(authority);
  if (split !== null) {
    return { authority, host: split[1] ?? split[2] ?? '', port: split[3] ?? '', path };
  }
  const isBareAddress = /^\[.*\]$/.test(authority);
  return authority.includes(':') && !isBareAddress
    ? undefined
    : { authority, host: authority, port: '', path };
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Go's filepath.Match over one label: `*` and `[a-z]`, where a star never tries more than each position once. */
function globMatches(pattern: string, text: string): boolean {
  const tokens = parseGlob(pattern);
  if (tokens === undefined) return false;
  let token = 0;
  let position = 0;
  let star = -1;
  let retry = 0;
  while (position < text.length) {
    const current = tokens[token];
    if (current === '*') {
      star = token++;
      retry = position;
    } else if (current?.(text[position] ?? '')) {
      token++;
      position++;
    } else if (star >= 0) {
      token = star + 1;
      position = ++retry;
    } else {
      return false;
    }
  }
  while (tokens[token] === '*') token++;
  return token === tokens.length;
}

type GlobToken = '*' | ((character: string) => boolean);

function parseGlob(pattern: string): readonly GlobToken[] | undefined {
  const tokens: GlobToken[] = [];
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] ?? '';
    if (character === '*') {
      tokens.push('*');
    } else if (character === '[') {
      const end = pattern.indexOf(']', index + 2);
      if (end < 0) return undefined;
      tokens.push(characterClass(pattern.slice(index + 1, end)));
      index = end;
    } else {
      tokens.push((candidate) => candidate === character);
    }
  }
  return tokens;
}

/** Negation needs `^`, which no host of a URL may hold. */
function characterClass(members: string): (character: string) => boolean {
  const ranges: (readonly [string, string])[] = [];
  for (let index = 0; index < members.length; index++) {
    const first = members[index] ?? '';
    const isRange = members[index + 1] === '-' && index + 2 < members.length;
    ranges.push([first, isRange ? (members[index + 2] ?? first) : first]);
    if (isRange) index += 2;
  }
  return (character) => ranges.some(([low, high]) => low <= character && character <= high);
}

/** Docker's rule: a first segment with no dot and no colon is no host. */
function isOnDockerHub(repository: string): boolean {
  const slash = repository.indexOf('/');
  const first = slash < 0 ? repository : repository.slice(0, slash);
  if (first === '') return false;
  if (slash < 0 || first === 'docker.io' || first === dockerHubHost) return true;
  return !/[.:]/.test(first);
}
