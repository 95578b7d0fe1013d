/** Numbers that a seed repeats (mulberry32). */
export interface Random {
  /** From 0 to `below` - 1. */
  integer(below: number): number;
  /** Undefined when there is nothing to choose from. */
  pick<Item>(items: readonly Item[]): Item | undefined;
  bytes(length: number): Buffer;
}

/** @param seed any text: streams of different texts have nothing to do with each other */
export function randomOf(seed: string): Random {
  let state = 0x811c9dc5;
  for (const character of seed) {
    state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }

  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  return {
    integer: (below) => next() % below,
    pick: (items) => items[next() % Math.max(1, items.length)],
    bytes(length) {
      const words = new Uint32Array(Math.ceil(length / 4));
      for (let index = 0; index < words.length; index += 1) words[index] = next();
      return Buffer.from(words.buffer, 0, length);
    },
  };
}
