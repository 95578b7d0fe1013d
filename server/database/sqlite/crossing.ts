import { Refusal, type RefusalKind } from '#lib/errors.ts';
import { OciError, type OciErrorCode } from '#oci/errors.ts';

/** An error as it crosses from the writer thread. */
export type CrossingError = { readonly stack: string | undefined } & (
  | { readonly kind: 'refusal'; readonly refusal: RefusalKind; readonly message: string }
  | {
      readonly kind: 'oci';
      readonly code: OciErrorCode;
      readonly message: string;
      readonly detail: unknown;
    }
  | { readonly kind: 'other'; readonly name: string; readonly message: string }
);

/** SQLITE_FULL, and SQLITE_IOERR_SHMSIZE, which is what a full disk does to the shared memory. */
const noSpaceCodes = [13, 4874];

export function packError(error: unknown): CrossingError {
  if (!(error instanceof Error)) {
    return { kind: 'other', name: 'Error', message: String(error), stack: undefined };
  }
  const { message, stack } = error;
  if (error instanceof Refusal) return { kind: 'refusal', refusal: error.kind, message, stack };
  if (error instanceof OciError) {
    return { kind: 'oci', code: error.code, message, detail: error.detail, stack };
  }
  if ('errcode' in error && noSpaceCodes.includes(Number(error.errcode))) {
    return {
      kind: 'refusal',
      refusal: 'no-space',
      message:
        'The registry has no space left for its database: nothing was changed. Free space on its data folder, then try again.',
      stack,
    };
  }
  return { kind: 'other', name: error.name, message, stack };
}

export function unpackError(packed: CrossingError): Error {
  const error = rebuild(packed);
  if (packed.stack !== undefined) error.stack = packed.stack;
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
