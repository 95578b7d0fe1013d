/** What a bar is put to, and which side of it is good. */
export interface Bar {
  readonly of: 'ratio' | 'value';
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A line of the table, before anything was measured. */
export interface Row {
  /** Unique: `SUBJECT` or `SUBJECT/AGAINST`. */
  readonly name: string;
  /** For people: what is measured. */
  readonly title: string;
  readonly unit: string;
  /** What `ratio` divides by; null where nothing is compared. */
  readonly against: string | null;
  readonly bar?: Bar;
}

export interface Measured {
  readonly value: number;
  /** More than 1: Berth does more (of a rate) or needs more (of a cost) than what it is compared to. */
  readonly ratio?: number;
  /** For people: latencies, the client's share. */
  readonly details?: string;
}

/** A row of the answer, as `--json` prints it. */
export interface Figure {
  readonly name: string;
  /** Null: the row did not run, and `reason` says why. */
  readonly value: number | null;
  readonly unit: string;
  readonly ratio: number | null;
  readonly against: string | null;
  /** As in `ratio >= 0.6`; null: there is none. */
  readonly bar: string | null;
  /** Null: there is no bar, or the row did not run. */
  readonly holds: boolean | null;
  readonly reason?: string;
}

export function figureOf(row: Row, outcome: Measured | { readonly reason: string }): Figure {
  const { name, unit, against } = row;
  const bar = row.bar === undefined ? null : barText(row.bar);
  if ('reason' in outcome) {
    const { reason } = outcome;
    return { name, value: null, unit, ratio: null, against, bar, holds: null, reason };
  }
  return {
    name,
    value: rounded(outcome.value),
    unit,
    ratio: outcome.ratio === undefined ? null : rounded(outcome.ratio),
    against,
    bar,
    holds: row.bar === undefined ? null : holds(row.bar, outcome),
  };
}

export function holds(bar: Bar, measured: Measured): boolean {
  return meets(bar, measured, 1);
}

/** Whether a bar is missed by so much that no busy machine explains it. */
export function isMissedTenfold(bar: Bar, measured: Measured): boolean {
  return !meets(bar, measured, 10);
}

function meets({ of, atLeast, atMost }: Bar, measured: Measured, tolerance: number): boolean {
  const found = of === 'value' ? measured.value : measured.ratio;
  if (found === undefined || !Number.isFinite(found)) return false;
  if (atLeast !== undefined && found < atLeast / tolerance) return false;
  return atMost === undefined || found <= atMost * tolerance;
}

export function barText({ of, atLeast, atMost }: Bar): string {
  return atLeast === undefined ? `${of} <= ${atMost}` : `${of} >= ${atLeast}`;
}

/** Of an even number of values, the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError('No values, no median');
  return (upper + lower) / 2;
}

/** To three significant digits, or to a whole number where that has more. */
function rounded(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
}
