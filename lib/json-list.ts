export interface JsonListOptions {
  /** The field of the outermost object that holds the list. */
  readonly field: string;
  /** In bytes. */
  readonly longestElement: number;
  /** Takes one object of the list; what else is in it is passed over. */
  readonly take: (element: unknown) => void;
}

/** Elements that are no JSON or too long, or a text that is broken off. */
export class JsonListProblem extends Error {}

const [quote, backslash] = [0x22, 0x5c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
const comma = 0x2c;
const blanks = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Takes the elements of a list that may be far too large to be held at once, as its bytes come. What
 * is around the list is read no closer than it takes to find it.
 * @returns whether there was such a list
 * @throws {JsonListProblem}
 */
export async function readJsonList(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { field, longestElement, take }: JsonListOptions,
): Promise<boolean> {
  const name = Buffer.from(JSON.stringify(field));
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** How much of `"field"` was read, beside the outermost object's braces alone; -1: another name. */
  let matched = -1;
  let named = false;
  let found = false;
  let isObject = true;
  let inList = false;
  let element: Uint8Array[] | undefined;
  let length = 0;

  function keep(part: Uint8Array): void {
    length += part.length;
    if (length > longestElement) {
      throw new JsonListProblem(`One of the ${field} is longer than ${longestElement} bytes.`);
    }
    element?.push(part);
  }

  function readString(byte: number): void {
    if (depth === 1 && matched >= 0) matched = byte === name[matched] ? matched + 1 : -1;
    if (escaped) escaped = false;
    else if (byte === backslash) escaped = true;
    else if (byte === quote) {
      inString = false;
      named = depth === 1 && matched === name.length;
    }
  }

  function open(chunk: Uint8Array, at: number): number {
    const byte = chunk[at];
    if (depth === 1 && byte === openBracket && named) {
      inList = true;
      found = true;
    }
    depth += 1;
    if (!inList || depth !== 3 || byte !== openBrace) return -1;
    element = [];
    length = 0;
    return at;
  }

  function close(chunk: Uint8Array, begin: number, at: number): void {
    depth -= 1;
    if (depth === 1) inList = false;
    if (depth !== 2 || element === undefined) return;
    keep(chunk.subarray(begin, at + 1));
    const text = Buffer.concat(element).toString('utf8');
    element = undefined;
    take(parse(text));
  }

  for await (const chunk of chunks) {
    let begin = 0;
    for (let at = 0; isObject && at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (inString) {
        readString(byte);
      } else if (depth === 0 && byte !== openBrace) {
        if (!blanks.has(byte)) isObject = false;
      } else if (byte === quote) {
        inString = true;
        matched = 1;
      } else if (byte === openBrace || byte === openBracket) {
        const opened = open(chunk, at);
        if (opened >= 0) begin = opened;
        named = false;
      } else if (byte === closeBrace || byte === closeBracket) {
        close(chunk, begin, at);
        named = false;
      } else if (byte === comma) {
        named = false;
      }
    }
    if (element !== undefined) keep(chunk.subarray(begin));
  }
  if (depth > 0) throw new JsonListProblem('It is broken off.');
  return found;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JsonListProblem('An element is no JSON.', { cause: error });
  }
}
