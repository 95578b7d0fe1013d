import { Type } from 'typebox';

/** Of a row, in paths and bodies: a larger number is not exact, and none that databases take. */
export const RowId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
