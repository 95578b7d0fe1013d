import type { Random } from '#test/random.ts';

export function chance(random: Random, oneIn: number): boolean {
  return random.integer(oneIn) === 0;
}

export function oneOf<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.integer(items.length)] as Item;
}

const words = ['a', 'app', 'v1', 'latest', 'x-y_z.0', 'Ärger', '日本', '🦊', 'a/b', 'A', '-', '.'];

const hostileTexts = [
  '',
  ' ',
  '\0',
  'a\0b',
  '..',
  '../../etc/passwd',
  '%00',
  '%2e%2e%2f',
  '%',
  '%zz',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'NaN',
  "' or 1=1 --",
  '"; drop table users; --',
  '%_\\',
  '\\',
  '\u202e',
  '\ufeff',
  '\ud800',
  'e\u0301',
  '\r\nX-Injected: 1',
  '*',
  '/',
  ':',
  '@',
  '{}',
  '[]',
  '$(id)',
  '9'.repeat(30),
  'a'.repeat(300),
  'é'.repeat(300),
  'a/'.repeat(200),
];

const hostileNumbers = [
  '0',
  '-1',
  '1',
  '2147483647',
  '2147483648',
  '-2147483649',
  '9007199254740991',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '99999999999999999999',
  '1e3',
  '1e400',
  '-0',
  '0.5',
  '1e-7',
];

export function text(random: Random): string {
  return chance(random, 2) ? oneOf(random, words) : oneOf(random, hostileTexts);
}

export function number(random: Random): string {
  return chance(random, 2) ? String(random.integer(40)) : oneOf(random, hostileNumbers);
}

/** JSON of any shape, as text: numbers may be larger than JavaScript has them. */
export function json(random: Random, depth = 3): string {
  const shapes = depth === 0 ? 5 : 8;
  switch (random.integer(shapes)) {
    case 0:
      return 'null';
    case 1:
      return oneOf(random, ['true', 'false']);
    case 2:
      return number(random);
    case 3:
    case 4:
      return JSON.stringify(text(random));
    case 5:
      return `[${several(random, () => json(random, depth - 1)).join()}]`;
    case 6:
      return `{${several(random, () => `${JSON.stringify(text(random))}:${json(random, depth - 1)}`).join()}}`;
    default:
      return nested(random);
  }
}

function several(random: Random, make: () => string): string[] {
  return Array.from({ length: random.integer(4) }, make);
}

function nested(random: Random): string {
  const depth = oneOf(random, [5, 33, 1_000, 20_000]);
  const [before, after] = chance(random, 2) ? ['[', ']'] : ['{"a":', '}'];
  return `${before.repeat(depth)}1${after.repeat(depth)}`;
}

/** The parts of JSON Schema that the OpenAPI document uses. */
export interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** JSON that mostly is what the schema asks for. */
export function jsonOf(
  random: Random,
  schema: Schema,
  known: (name: string) => string | undefined,
  name = '',
): string {
  if (chance(random, 12)) return json(random);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return JSON.stringify(oneOf(random, schema.enum));
  if (schema.anyOf !== undefined) return jsonOf(random, oneOf(random, schema.anyOf), known, name);
  if (schema.properties !== undefined || schema.allOf !== undefined) {
    const properties = [schema, ...(schema.allOf ?? [])].flatMap((part) =>
      Object.entries(part.properties ?? {}),
    );
    const fields = properties
      .filter(() => !chance(random, 6))
      .map(([key, part]) => `${JSON.stringify(key)}:${jsonOf(random, part, known, key)}`);
    if (chance(random, 10)) fields.push(`"__proto__":${json(random, 1)}`);
    return `{${fields.join()}}`;
  }
  switch (schema.type) {
    case 'string':
      return JSON.stringify(chance(random, 3) ? text(random) : (known(name) ?? text(random)));
    case 'integer':
    case 'number':
      return chance(random, 3) ? number(random) : (known(name) ?? number(random));
    case 'boolean':
      return oneOf(random, ['true', 'false']);
    case 'null':
      return 'null';
    case 'array': {
      const items = schema.items ?? {};
      return `[${several(random, () => jsonOf(random, items, known, name)).join()}]`;
    }
    default:
      return json(random, 2);
  }
}
