import { Refusal } from '#lib/errors.ts';

/** What a list's `q` asks of one field. */
export type Term =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'fuzzy'; readonly value: string }
  | { readonly kind: 'range'; readonly from?: string; readonly to?: string }
  | { readonly kind: 'any'; readonly values: readonly string[] }
  | { readonly kind: 'all'; readonly values: readonly string[] };

const maximumTerms = 16;
const maximumValues = 200;

/**
 * Reads Harbor's filter grammar: `k=v`, `k=~v`, `k=[a~b]`, `k={a b}` (any of), `k=(a b)` (all of),
 * joined by commas. Fields are told apart without case and underscores: `ProjectID` is `project_id`.
 * @throws {Refusal} `invalid`
 */
export function parseFilter<Field extends string>(
  text: string | undefined,
  fields: readonly Field[],
): ReadonlyMap<Field, Term> {
  const terms = new Map<Field, Term>();
  if (text === undefined || text.trim() === '') return terms;
  const parts = splitOutsideBrackets(text, ',');
  if (parts.length > maximumTerms) {
    throw new Refusal(
      'invalid',
      `query.q has more than ${maximumTerms} terms: ask for less at once.`,
    );
  }
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    const field = fields.find((known) => plain(known) === plain(name));
    if (field === undefined) {
      throw new Refusal(
        'invalid',
        `query.q cannot filter by ${JSON.stringify(name.slice(0, 64))}: it takes ${fields.join(', ')}.`,
      );
    }
    if (equals < 0) {
      throw new Refusal('invalid', `query.q says nothing of ${field}: write ${field}=value.`);
    }
    terms.set(field, parseTerm(field, part.slice(equals + 1).trim()));
  }
  return terms;
}

function plain(name: string): string {
  return name.trim().replaceAll('_', '').toLowerCase();
}

function parseTerm(field: string, text: string): Term {
  const inside = text.slice(1, -1);
  if (text.startsWith('~')) return { kind: 'fuzzy', value: unquote(text.slice(1)) };
  if (text.startsWith('[') && text.endsWith(']')) {
    const tilde = inside.indexOf('~');
    if (tilde < 0) {
      throw new Refusal('invalid', `query.q has a range of ${field} without "~": write [from~to].`);
    }
    const from = unquote(inside.slice(0, tilde).trim());
    const to = unquote(inside.slice(tilde + 1).trim());
    return { kind: 'range', ...(from !== '' && { from }), ...(to !== '' && { to }) };
  }
  if (text.startsWith('{') && text.endsWith('}')) {
    return { kind: 'any', values: parseValues(field, inside) };
  }
  if (text.startsWith('(') && text.endsWith(')')) {
    return { kind: 'all', values: parseValues(field, inside) };
  }
  return { kind: 'exact', value: unquote(text) };
}

function parseValues(field: string, text: string): string[] {
  const values = splitOutsideQuotes(text);
  if (values.length > maximumValues) {
    throw new Refusal('invalid', `query.q names more than ${maximumValues} values of ${field}.`);
  }
  return values.map(unquote);
}

function splitOutsideQuotes(text: string): string[] {
  return text.match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? [];
}

function splitOutsideBrackets(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if ('[{('.includes(character)) depth += 1;
    else if (']})'.includes(character)) depth -= 1;
    else if (character === separator && depth <= 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.filter((part) => part.trim() !== '');
}

function unquote(text: string): string {
  const first = text.charAt(0);
  const quoted = text.length > 1 && (first === "'" || first === '"') && text.endsWith(first);
  return quoted ? text.slice(1, -1) : text;
}
