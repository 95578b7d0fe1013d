import { Refusal, type RefusalKind } from '#lib/errors.ts';
import { OciError, type OciErrorCode } from '#oci/errors.ts';

/** An error as it crosses from the writer thread. */
export type CrossingError = Common & (CrossingRefusal | CrossingOciError | CrossingOther);

interface Common {
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: CrossingError | undefined;
}

interface CrossingRefusal {
  readonly kind: 'refusal';
  readonly refusal: RefusalKind;
}

interface CrossingOciError {
  readonly kind: 'oci';
  readonly code: OciErrorCode;
  readonly detail: unknown;
}

interface CrossingOther {
  readonly kind: 'other';
  readonly name: string;
}

/** SQLITE_FULL, and SQLITE_IOERR_SHMSIZE, which is what a full disk does to the shared memory. */
const noSpaceCodes = [13, 4874];

const deepestCause = 5;

export function packError(thrown: unknown, depth = 0): CrossingError {
  const error = explain(thrown instanceof Error ? thrown : new Error(String(thrown)));
  const { message, stack, cause } = error;
  const common = {
    message,
    stack,
    cause: cause instanceof Error && depth < deepestCause ? packError(cause, depth + 1) : undefined,
  };
  if (error instanceof Refusal) return { ...common, kind: 'refusal', refusal: error.kind };
  if (error instanceof OciError) {
    return { ...common, kind: 'oci', code: error.code, detail: error.detail };
  }
  return { ...common, kind: 'other', name: error.name };
}

function explain(error: Error): Error {
  if (!('errcode' in error && noSpaceCodes.includes(Number(error.errcode)))) return error;
  return new Refusal(
    'no-space',
    'The registry has no space left for its database: nothing was changed. Free space on the disk of its data folder, then try again.',
    { cause: new Error(error.message) },
  );
}

export function unpackError(packed: CrossingError): Error {
  const error = rebuild(packed);
  if (packed.stack !== undefined) error.stack = packed.stack;
  if (packed.cause) error.cause = unpackError(packed.cause);
  return error;
}

function rebuild(packed: CrossingError): Error {
  switch (packed.kind) {
    case 'refusal':
      return new Refusal(packed.refusal, packed.message);
    case 'oci':
      return new OciError(packed.code, packed.message, packed.detail);
    case 'other': {
      const error = new Error(packed.message);
      error.name = packed.name;
      return error;
    }
  }
}
