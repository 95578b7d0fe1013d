import { Refusal } from '#lib/errors.ts';

export interface SortKey<Field extends string> {
  readonly field: Field;
  readonly falling: boolean;
}

/**
 * Reads `sort=-creation_time,name`.
 * @throws {Refusal} `invalid` for a field that is not one of `fields`
 */
export function parseSort<Field extends string>(
  text: string | undefined,
  fields: readonly Field[],
): readonly SortKey<Field>[] {
  const keys: SortKey<Field>[] = [];
  for (const part of (text ?? '').split(',')) {
    const falling = part.trim().startsWith('-');
    const name = part.trim().slice(falling ? 1 : 0);
    if (name === '') continue;
    const field = fields.find((known) => known === name);
    if (field === undefined) {
      throw new Refusal(
        'invalid',
        `query.sort cannot sort by ${JSON.stringify(name.slice(0, 64))}: it takes ${fields.join(', ')}.`,
      );
    }
    if (!keys.some((key) => key.field === field)) keys.push({ field, falling });
  }
  return keys;
}
