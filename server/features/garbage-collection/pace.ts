/** Milliseconds of the database that a batch aims at; twice as long is the promise to others. */
const aim = 5;

/** How many rows to take at once, learnt from how long the last ones took. */
export interface Pace {
  size(): number;
  took(rows: number, milliseconds: number): void;
}

export function createPace(first: number, most: number): Pace {
  let size = first;
  return {
    size: () => size,
    took(rows, milliseconds) {
      if (rows === 0) return;
      const fitting = Math.floor((rows * aim) / Math.max(milliseconds, 0.01));
      // By steps, so that one lucky batch is not followed by a long one.
      const next = Math.ceil(size * 1.5);
      size = Math.max(1, Math.min(most, next, fitting));
    },
  };
}
