import { hash } from 'node:crypto';
import { quote } from '#lib/quote.ts';
import { OciError } from './errors.ts';

export type DigestAlgorithm = 'sha256' | 'sha512';

/** `algorithm:hex`, checked: the hex is lower-case and as long as the algorithm's output. */
export type Digest = `${DigestAlgorithm}:${string}`;

/** `malformed` is no digest at all; `unsupported` is one, of an algorithm that is not ours. */
export type DigestForm = 'supported' | 'unsupported' | 'malformed';

const hexLengths = { sha256: 64, sha512: 128 } as const;
/** `sha256:` and `sha512:` alike. */
const prefixLength = 7;
const maximumDigestLength = 256;

function isLowerHex(text: string, start: number): boolean {
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return false;
  }
  return true;
}

export function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return text === 'sha256' || text === 'sha512';
}

export function isDigest(text: string): text is Digest {
  if (text.length === prefixLength + hexLengths.sha256) {
    return text.startsWith('sha256:') && isLowerHex(text, prefixLength);
  }
  if (text.length === prefixLength + hexLengths.sha512) {
    return text.startsWith('sha512:') && isLowerHex(text, prefixLength);
  }
  return false;
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512';
}

export function hexOf(digest: Digest): string {
  return digest.slice(prefixLength);
}

/** Image specification, section "Digests": `algorithm ":" encoded`. */
export function digestForm(text: string): DigestForm {
  if (isDigest(text)) return 'supported';
  if (text.length > maximumDigestLength) return 'malformed';
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, Math.max(colon, 0));
  if (isDigestAlgorithm(algorithm)) return 'malformed';
  const wellFormed =
    /^[a-z0-9]+(?:[+._-][a-z0-9]+)*$/.test(algorithm) &&
    /^[a-zA-Z0-9=_-]+$/.test(text.slice(colon + 1));
  return wellFormed ? 'unsupported' : 'malformed';
}

/** @throws {OciError} DIGEST_INVALID, with a sentence that tells what is wrong with `text`. */
export function requireDigest(text: string): Digest {
  if (isDigest(text)) return text;
  if (digestForm(text) === 'unsupported') {
    const algorithm = text.slice(0, text.indexOf(':'));
    throw new OciError(
      'DIGEST_INVALID',
      `The digest algorithm ${algorithm} is not supported: use sha256 or sha512.`,
    );
  }
  throw new OciError(
    'DIGEST_INVALID',
    `${quote(text)} is no digest: write sha256: and 64, or sha512: and 128 lower-case hexadecimal digits.`,
  );
}

export function digestOf(algorithm: DigestAlgorithm, bytes: Uint8Array | string): Digest {
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}`;
}
