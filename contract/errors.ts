import { type Static, Type } from 'typebox';

/** The codes of a refused REST request. Harbor's clients know them. */
const errorCodes = [
  'BAD_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'CONFLICT',
  'PRECONDITION',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'TOO_MANY_REQUESTS',
  'INSUFFICIENT_STORAGE',
  'UNAVAILABLE',
  'UNKNOWN',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** The body of every refused REST request. */
export const ErrorBody = Type.Object({
  errors: Type.Array(
    Type.Object({
      code: Type.String({ description: 'For programs' }),
      message: Type.String({ description: 'A sentence that says what to do' }),
    }),
  ),
});
export type ErrorBody = Static<typeof ErrorBody>;
