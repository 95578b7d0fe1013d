import { parse } from 'yaml';
import { UnreadableChart } from './errors.ts';

/** Parsing takes time from every other request; what people write is far smaller. */
const maximumBytes = 128 * 1024;
const maximumDepth = 32;
const maximumNodes = 20_000;
const maximumAliases = 50;

export type YamlMapping = { readonly [key: string]: unknown };

/**
 * The mapping that a YAML file of a chart holds, as values of JSON.
 * @throws {UnreadableChart}
 */
export function parseYamlMapping(text: string, file: string): YamlMapping {
  if (Buffer.byteLength(text) > maximumBytes) {
    throw new UnreadableChart(`${file} is larger than ${maximumBytes} bytes, which is not read.`);
  }
  if (nestsTooDeep(text)) throw tooDeep(file);
  const value = parseOrRefuse(text, file);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UnreadableChart(`${file} is no mapping of names to values.`);
  }
  const counter = { nodes: 0 };
  return plainValue(value, file, 1, counter) as YamlMapping;
}

function parseOrRefuse(text: string, file: string): unknown {
  try {
    return parse(text, {
      maxAliasCount: maximumAliases,
      // As Helm: the last of two equal keys counts.
      uniqueKeys: false,
      logLevel: 'error',
      prettyErrors: false,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnreadableChart(`${file} is not valid YAML: ${firstLine(reason)}`, { cause: error });
  }
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 200);
}

/** Before the parser, which descends by recursion: brackets anywhere, and leading indentation. */
function nestsTooDeep(text: string): boolean {
  let brackets = 0;
  for (const character of text) {
    if (character === '[' || character === '{') brackets += 1;
    else if (character === ']' || character === '}') brackets -= 1;
    if (brackets > maximumDepth) return true;
  }
  // Each "- " or "? " of one line opens a level of its own.
  return /^[ \t]*(?:[-?:][ \t]+){33}/m.test(text);
}

function tooDeep(file: string): UnreadableChart {
  return new UnreadableChart(
    `${file} nests deeper than ${maximumDepth} levels, which is not read.`,
  );
}

/** What an alias stands for counts as often as it stands there. */
function plainValue(
  value: unknown,
  file: string,
  depth: number,
  counter: { nodes: number },
): unknown {
  counter.nodes += 1;
  if (counter.nodes > maximumNodes) {
    throw new UnreadableChart(`${file} has more than ${maximumNodes} values, which is not read.`);
  }
  if (depth > maximumDepth) throw tooDeep(file);
  if (Array.isArray(value)) return value.map((item) => plainValue(item, file, depth + 1, counter));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]): [string, unknown] => [
      key,
      plainValue(item, file, depth + 1, counter),
    ]);
    return Object.fromEntries(entries);
  }
  return typeof value === 'bigint' ? String(value) : value;
}
