import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import { Refusal } from '#lib/errors.ts';
import type { Term } from './filter.ts';

/** A part of a text, wherever it stands and however it is capitalised. */
export function contains(column: Expression<unknown>, part: string): RawBuilder<SqlBool> {
  const pattern = `%${part.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
  return sql<SqlBool>`lower(${column}) like ${pattern} escape '\\'`;
}

/** What `term` asks of a column that holds a text. */
export function textMatches(column: Expression<unknown>, term: Term): RawBuilder<SqlBool> {
  switch (term.kind) {
    case 'exact':
      return sql<SqlBool>`${column} = ${term.value}`;
    case 'fuzzy':
      return contains(column, term.value);
    case 'any':
      return isOneOf(column, term.values);
    case 'all':
      return everyOf(term.values.map((value) => sql<SqlBool>`${column} = ${value}`));
    case 'range':
      return everyOf([
        ...(term.from === undefined ? [] : [sql<SqlBool>`${column} >= ${term.from}`]),
        ...(term.to === undefined ? [] : [sql<SqlBool>`${column} <= ${term.to}`]),
      ]);
  }
}

/** @throws {Refusal} `invalid` for what is no list of whole numbers */
export function integerMatches(
  column: Expression<unknown>,
  field: string,
  term: Term,
): RawBuilder<SqlBool> {
  const values = term.kind === 'exact' ? [term.value] : term.kind === 'any' ? term.values : [];
  if (values.length === 0 || !values.every((value) => /^\d{1,15}$/.test(value))) {
    throw new Refusal('invalid', `query.q takes ${field}=NUMBER or ${field}={NUMBER NUMBER}.`);
  }
  return isOneOf(column, values.map(Number));
}

/** @throws {Refusal} `invalid` for anything but true and false */
export function booleanOf(field: string, term: Term): boolean {
  if (term.kind === 'exact' && term.value === 'true') return true;
  if (term.kind === 'exact' && term.value === 'false') return false;
  throw new Refusal('invalid', `query.q takes ${field}=true or ${field}=false.`);
}

function isOneOf(column: Expression<unknown>, values: readonly unknown[]): RawBuilder<SqlBool> {
  return values.length === 0
    ? sql<SqlBool>`1 = 0`
    : sql<SqlBool>`${column} in (${sql.join(values)})`;
}

function everyOf(conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<SqlBool> {
  return conditions.length === 0
    ? sql<SqlBool>`1 = 1`
    : sql<SqlBool>`(${sql.join(conditions, sql` and `)})`;
}
