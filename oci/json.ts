import { OciError, type OciErrorCode } from './errors.ts';

export type JsonObject = { readonly [key: string]: unknown };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface JsonLimits {
  readonly maximumBytes: number;
  readonly maximumDepth: number;
}

/**
 * A JSON object out of bytes that a stranger sent. `what` begins the sentence of a refusal.
 * @throws {OciError} `code`
 */
export function parseJsonObject(
  bytes: Uint8Array,
  what: string,
  code: OciErrorCode,
  limits: JsonLimits,
): JsonObject {
  if (bytes.length > limits.maximumBytes) {
    throw new OciError(
      code,
      `${what} has ${bytes.length} bytes; at most ${limits.maximumBytes} are accepted.`,
    );
  }
  if (exceedsDepth(bytes, limits.maximumDepth)) {
    throw new OciError(
      code,
      `${what} nests objects and lists deeper than ${limits.maximumDepth} levels, which is not accepted.`,
    );
  }
  const value = parse(bytes, what, code);
  if (isJsonObject(value)) return value;
  throw new OciError(code, `${what} is not a JSON object.`);
}

function parse(bytes: Uint8Array, what: string, code: OciErrorCode): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new OciError(code, `${what} is not valid UTF-8.`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new OciError(code, `${what} is not valid JSON.`);
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Looks at brackets outside strings only; whether the rest is JSON is for the parser to say. */
function exceedsDepth(bytes: Uint8Array, most: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (inString) {
      if (byte === 0x5c) index++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) {
      inString = true;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > most) return true;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
    }
  }
  return false;
}
