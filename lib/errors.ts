/** What kind of refusal a caller meets; `server/http` alone knows which HTTP status each one is. */
export type RefusalKind =
  | 'invalid'
  | 'unauthenticated'
  | 'denied'
  | 'not-found'
  | 'conflict'
  | 'precondition'
  | 'too-large'
  | 'too-many-requests'
  | 'no-space'
  | 'unavailable';

/**
 * A request that is refused for a reason its caller can mend. The message is a sentence for that
 * caller: what was refused, and what to do. It never carries secrets or internals.
 */
export class Refusal extends Error {
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Refusal';
    this.kind = kind;
  }
}

/** The `code` of a Node.js system error (`ENOENT`, `ENOSPC`, …), if `error` is one. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
