import type { ErrorCode } from '#contract/errors.ts';
import { Refusal, type RefusalKind } from '#lib/errors.ts';
import type { OciErrorCode } from '#oci/errors.ts';

const refusals: Readonly<Record<RefusalKind, { status: number; code: ErrorCode }>> = {
  invalid: { status: 400, code: 'BAD_REQUEST' },
  unauthenticated: { status: 401, code: 'UNAUTHORIZED' },
  denied: { status: 403, code: 'FORBIDDEN' },
  'not-found': { status: 404, code: 'NOT_FOUND' },
  conflict: { status: 409, code: 'CONFLICT' },
  precondition: { status: 412, code: 'PRECONDITION' },
  'too-large': { status: 413, code: 'PAYLOAD_TOO_LARGE' },
  'too-many-requests': { status: 429, code: 'TOO_MANY_REQUESTS' },
  'no-space': { status: 507, code: 'INSUFFICIENT_STORAGE' },
  unavailable: { status: 503, code: 'UNAVAILABLE' },
};

/** As the distribution specification and the implementation named distribution answer. */
const ociStatuses: Readonly<Record<OciErrorCode, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  RANGE_INVALID: 416,
  TAG_INVALID: 400,
  PAGINATION_NUMBER_INVALID: 400,
  UNKNOWN: 500,
};

export function statusOfRefusal(kind: RefusalKind): number {
  return refusals[kind].status;
}

export function restCodeOfRefusal(kind: RefusalKind): ErrorCode {
  return refusals[kind].code;
}

export function statusOfOciError(code: OciErrorCode): number {
  return ociStatuses[code];
}

/** A caller who failed too often, and how long to wait. */
export class TooManyRequests extends Refusal {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super('too-many-requests', message);
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterSeconds));
  }
}

/** The value of Retry-After, in seconds, where a refusal has one. */
export function retryAfterOf(refusal: Refusal): number | undefined {
  if (refusal instanceof TooManyRequests) return refusal.retryAfterSeconds;
  return refusal.kind === 'too-many-requests' || refusal.kind === 'unavailable' ? 1 : undefined;
}
