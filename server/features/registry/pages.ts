import { OciError } from '#oci/errors.ts';

export interface PageRequest {
  readonly count: number;
  /** What comes strictly after this; undefined from the start. */
  readonly last: string | undefined;
}

const longestLast = 512;

/**
 * Reads `n` and `last`. A larger `n` than `maximum` is lowered to it, as the specification allows.
 * @throws {OciError} PAGINATION_NUMBER_INVALID
 */
export function readPageRequest(
  query: URLSearchParams,
  { standard, maximum }: { standard: number; maximum: number },
): PageRequest {
  const n = query.get('n');
  if (n !== null && !/^\d{1,9}$/.test(n)) {
    throw new OciError('PAGINATION_NUMBER_INVALID', 'n must be a whole number, 0 or more.');
  }
  const last = query.get('last');
  if (last !== null && (last.length > longestLast || /\p{Cc}/u.test(last))) {
    throw new OciError(
      'PAGINATION_NUMBER_INVALID',
      `last must be a name that an earlier page ended with, of at most ${longestLast} characters.`,
    );
  }
  return {
    count: Math.min(n === null ? standard : Number(n), maximum),
    last: last === null || last === '' ? undefined : last,
  };
}

/** RFC 8288; clients need the angle brackets and follow a path without a host. */
export function nextLink(path: string, parameters: Readonly<Record<string, string>>): string {
  return `<${path}?${new URLSearchParams(parameters)}>; rel="next"`;
}
