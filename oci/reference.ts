import { isRepositoryName, isTagName, nameRules } from '#contract/names.ts';
import { quote } from '#lib/quote.ts';
import { type Digest, isDigest, requireDigest } from './digest.ts';
import { OciError } from './errors.ts';

/** What follows `/manifests/` in a path. */
export type ManifestReference =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'digest'; readonly digest: Digest };

/**
 * @throws {OciError} DIGEST_INVALID when `text` holds a colon, which no tag does, and is no
 * supported digest; TAG_INVALID when it is neither.
 */
export function parseManifestReference(text: string): ManifestReference {
  if (isDigest(text)) return { kind: 'digest', digest: text };
  if (isTagName(text)) return { kind: 'tag', tag: text };
  if (text.includes(':')) return { kind: 'digest', digest: requireDigest(text) };
  throw new OciError(
    'TAG_INVALID',
    `The tag ${quote(text)} is not valid: it must ${nameRules.tag}.`,
  );
}

/** @throws {OciError} NAME_INVALID */
export function requireRepositoryName(text: string): string {
  if (isRepositoryName(text)) return text;
  throw new OciError(
    'NAME_INVALID',
    `The repository name ${quote(text)} is not valid: it must ${nameRules.repository}.`,
  );
}

export interface ImageReference {
  /** `http` when the text says `http://`: the one form that asks for an unencrypted connection. */
  readonly protocol: 'http' | 'https';
  /** `host`, `host:port` or `[address]:port`, in lower case; `docker.io` where the text names none. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const maximumReferenceLength = 1024;
const schemes = ['https://', 'http://', 'oci://', 'docker://'] as const;

/**
 * Reads an image or a chart as people type it: `[scheme://]host[:port]/repository[:tag][@digest]`,
 * and the short forms of Docker (`nginx` is `docker.io/library/nginx`). No tag is added.
 * @throws {OciError} NAME_INVALID, TAG_INVALID or DIGEST_INVALID
 */
export function parseImageReference(text: string): ImageReference {
  if (text.length > maximumReferenceLength) {
    throw new OciError(
      'NAME_INVALID',
      `An image reference has at most ${maximumReferenceLength} characters; this one has ${text.length}.`,
    );
  }
  const scheme = schemes.find((candidate) => text.startsWith(candidate));
  const bare = scheme === undefined ? text : text.slice(scheme.length);
  if (bare === '' || bare.trim() !== bare) {
    throw new OciError(
      'NAME_INVALID',
      `${quote(text)} names no image: write HOST[:PORT]/PROJECT/REPOSITORY[:TAG][@DIGEST].`,
    );
  }
  const { name, tag, digest } = splitSuffixes(bare);
  return {
    protocol: scheme === 'http://' ? 'http' : 'https',
    ...splitRegistry(name, scheme !== undefined, text),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

interface Suffixes {
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

function splitSuffixes(text: string): Suffixes {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : requireDigest(text.slice(at + 1));
  const named = at < 0 ? text : text.slice(0, at);
  // A colon before the last slash belongs to the port.
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  if (colon < 0) return { name: named, tag: undefined, digest };
  const tag = named.slice(colon + 1);
  if (!isTagName(tag)) {
    throw new OciError(
      'TAG_INVALID',
      `The tag ${quote(tag)} is not valid: it must ${nameRules.tag}.`,
    );
  }
  return { name: named.slice(0, colon), tag, digest };
}

function splitRegistry(
  name: string,
  hostIsNamed: boolean,
  whole: string,
): { readonly registry: string; readonly repository: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? name : name.slice(0, slash);
  if (hostIsNamed || (slash >= 0 && looksLikeHost(first))) {
    if (slash < 0) {
      throw new OciError(
        'NAME_INVALID',
        `${quote(whole)} names a registry but no repository: add /PROJECT/REPOSITORY.`,
      );
    }
    return {
      registry: requireRegistry(first),
      repository: requireRepositoryName(name.slice(slash + 1)),
    };
  }
  const repository = requireRepositoryName(name);
  return {
    registry: 'docker.io',
    repository: slash < 0 ? requireRepositoryName(`library/${repository}`) : repository,
  };
}

/** Docker's rule: a repository's first segment has no dot, colon or capital, a host has. */
function looksLikeHost(segment: string): boolean {
  return /[.:A-Z[]/.test(segment) || segment === 'localhost';
}

/** `host`, `host:port` or `[address]:port` in lower case. @throws {OciError} NAME_INVALID */
export function requireRegistry(text: string): string {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::(\d{1,5}))?$/i.exec(text);
  const host = match?.[1];
  const port = match?.[2];
  const valid =
    host !== undefined &&
    (host.startsWith('[') || /^[a-z0-9]/i.test(host)) &&
    (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535));
  if (valid) return text.toLowerCase();
  throw new OciError(
    'NAME_INVALID',
    `${quote(text)} names no registry: write HOST, HOST:PORT or [ADDRESS]:PORT.`,
  );
}
