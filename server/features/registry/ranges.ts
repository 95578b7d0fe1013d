import type { ByteRange } from '#server/blobs/blob-store.ts';

/** `unsatisfiable`: a 416. Undefined: the whole blob is sent, as RFC 9110 section 14.2 allows. */
export type RequestedRange = ByteRange | 'unsatisfiable' | undefined;

const largestRangeHeader = 1024;

/** Reads a Range header for a blob of `size` bytes. Several ranges at once are answered whole. */
export function parseRange(header: string | undefined, size: number): RequestedRange {
  if (header === undefined || header.length > largestRangeHeader) return undefined;
  const match = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(header.replaceAll(' ', ''));
  if (match === null) return undefined;
  const [, from = '', to = ''] = match;
  if (from === '' && to === '') return undefined;
  if (from === '') {
    const count = Math.min(Number(to), size);
    return count === 0 ? 'unsatisfiable' : { first: size - count, last: size - 1 };
  }
  const first = Number(from);
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return first >= size || last < first ? 'unsatisfiable' : { first, last };
}

/**
 * Reads the Content-Range of an upload's chunk: `first-last`, both inclusive; `bytes ` in front and
 * a total behind are tolerated. Undefined when it is malformed.
 */
export function parseContentRange(header: string): ByteRange | undefined {
  const match = /^(?:bytes[ =])?(\d{1,16})-(\d{1,16})(?:\/(?:\d{1,16}|\*))?$/.exec(header.trim());
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2]);
  return last < first ? undefined : { first, last };
}

/** The Range header of an open upload. A client parses two numbers, so no bytes are `0-0`. */
export function uploadRange(size: number): string {
  return `0-${Math.max(size - 1, 0)}`;
}
