/** An answer of the API server that is no success. */
export class KubernetesError extends Error {
  /** Of HTTP. */
  readonly status: number;
  /** As its Status object names it: `NotFound`, `AlreadyExists`, `Conflict`, `Forbidden`, `Expired`, … */
  readonly reason: string;
  readonly retryAfterMilliseconds: number | undefined;

  constructor(
    status: number,
    reason: string,
    message: string,
    retryAfterMilliseconds?: number | undefined,
  ) {
    super(message);
    this.name = 'KubernetesError';
    this.status = status;
    this.reason = reason;
    this.retryAfterMilliseconds = retryAfterMilliseconds;
  }
}

/** The API server could not be reached, broke off, or answered what is no Kubernetes API. */
export class KubernetesUnreachable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KubernetesUnreachable';
  }
}

/** A list is to be asked for in smaller pages. */
export class AnswerTooLarge extends KubernetesUnreachable {}

export function isNotFound(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 404;
}

/** What is to be created is there. */
export function isAlreadyThere(error: unknown): boolean {
  return error instanceof KubernetesError && error.reason === 'AlreadyExists';
}

/** Somebody else changed the object first. */
export function isConflict(error: unknown): boolean {
  return error instanceof KubernetesError && error.reason === 'Conflict';
}

export function isForbidden(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 403;
}

/** A resource version, or the rest of a paged list, is too old to go on from. */
export function isExpired(error: unknown): boolean {
  return error instanceof KubernetesError && (error.status === 410 || error.reason === 'Expired');
}

/** From the answer to a request, or the `ERROR` event of a watch. */
export function errorOfStatus(
  status: number,
  body: unknown,
  retryAfterMilliseconds?: number | undefined,
): KubernetesError {
  const { reason, message, code, details } = isRecord(body) ? body : {};
  const known = typeof code === 'number' && Number.isInteger(code) ? code : status;
  const seconds = isRecord(details) ? details.retryAfterSeconds : undefined;
  return new KubernetesError(
    status === 200 ? known : status,
    typeof reason === 'string' && reason !== '' ? reason.slice(0, 128) : `Status${known}`,
    typeof message === 'string' && message !== ''
      ? message.slice(0, 2_048)
      : `The API server answered ${known}.`,
    retryAfterMilliseconds ?? (typeof seconds === 'number' ? seconds * 1_000 : undefined),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
