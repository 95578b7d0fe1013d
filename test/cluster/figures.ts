import { appendFileSync, readFileSync } from 'node:fs';

/** What a section measured, for the table at the suite's end and for the documentation. */
export interface Figure {
  /** What was measured: "namespace to its pull secret, 99 %". */
  readonly what: string;
  readonly value: number;
  /** `ms`, `MiB`, `requests a minute`. */
  readonly unit: string;
  /** What it ought to be at most; ten times as much fails its test. */
  readonly target?: number;
}

interface Recorded extends Figure {
  readonly where: string;
}

/** Sections run in processes that end before the table is printed: a file keeps what they record. */
export function figureRecorder(file: string, where: string): (figure: Figure) => void {
  return (figure) => appendFileSync(file, `${JSON.stringify({ where, ...figure })}\n`);
}

/** A line for each figure, in the order that they were recorded in. */
export function figureTable(file: string): string {
  const figures = readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line): Recorded => JSON.parse(line));
  const width = Math.max(0, ...figures.map(({ where, what }) => where.length + what.length + 2));
  return figures
    .map(({ where, what, value, unit, target }) => {
      const name = `${where}: ${what}`.padEnd(width);
      const aim = target === undefined ? '' : ` (target ${target} ${unit})`;
      return `${name}  ${Number(value.toPrecision(3))} ${unit}${aim}`;
    })
    .join('\n');
}
