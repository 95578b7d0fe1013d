/** One challenge of a `WWW-Authenticate` header: RFC 9110, section 11.6.1. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`, … */
  readonly scheme: string;
  /** Names are in lower case. The first of a repeated name counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

const maximumHeaderLength = 16_384;

/**
 * Reads what it can: a header that is broken half-way yields the challenges before the break, one
 * that is longer than 16 KiB none.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  if (header.length > maximumHeaderLength) return [];
  const scanner = new Scanner(header);
  const challenges: Challenge[] = [];
  for (;;) {
    scanner.skip(separators);
    const scheme = scanner.token();
    if (scheme === '') return challenges;
    const parameters = new Map<string, string>();
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    readParameters(scanner, parameters);
  }
}

/**
 * Stops before the next scheme: a token that no `=` follows. A token68, as `Negotiate` sends it,
 * reads as a parameter without a value.
 */
function readParameters(scanner: Scanner, parameters: Map<string, string>): void {
  for (;;) {
    scanner.skip(separators);
    const start = scanner.position;
    const name = scanner.token().toLowerCase();
    scanner.skip(spaces);
    if (name === '' || !scanner.take('=')) {
      scanner.position = start;
      return;
    }
    scanner.skip(spaces);
    const value = scanner.take('"') ? scanner.quoted() : scanner.token();
    // What is left of a token68's padding, or of a value that nobody quoted.
    scanner.skipUntilComma();
    if (!parameters.has(name)) parameters.set(name, value);
  }
}

const spaces = ' \t';
const separators = ' \t,';
const tokenCharacter = /[\w!#$%&'*+.^`|~/:@-]/;

class Scanner {
  readonly #text: string;
  position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #current(): string {
    return this.#text.charAt(this.position);
  }

  skip(characters: string): void {
    while (this.position < this.#text.length && characters.includes(this.#current())) {
      this.position++;
    }
  }

  skipUntilComma(): void {
    while (this.position < this.#text.length && this.#current() !== ',') this.position++;
  }

  take(character: string): boolean {
    if (this.#current() !== character) return false;
    this.position++;
    return true;
  }

  /** Wider than RFC 9110 by `/`, `:` and `@`, for URLs that nobody quoted. */
  token(): string {
    const start = this.position;
    while (tokenCharacter.test(this.#current())) this.position++;
    return this.#text.slice(start, this.position);
  }

  /** What follows an opening quote; a missing closing quote ends at the end of the text. */
  quoted(): string {
    let value = '';
    while (this.position < this.#text.length) {
      const character = this.#current();
      this.position++;
      if (character === '"') return value;
      if (character === '\\' && this.position < this.#text.length) {
        value += this.#current();
        this.position++;
      } else {
        value += character;
      }
    }
    return value;
  }
}

/** The inverse, as a registry writes it: every value quoted, in the order given. */
export function formatChallenge(
  scheme: string,
  parameters: Iterable<readonly [name: string, value: string]>,
): string {
  const written = Array.from(
    parameters,
    ([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`,
  );
  return written.length === 0 ? scheme : `${scheme} ${written.join(',')}`;
}
