import type { Measured, Row } from './measuring/figures.ts';
import type { DatabaseKind, Scale } from './options.ts';

/** What a section works with. */
export interface Bench {
  /** Of the section, emptied after it. */
  readonly folder: string;
  readonly scale: Scale;
  /** Of an empty PostgreSQL database; undefined where the section runs on SQLite. */
  readonly databaseUrl: string | undefined;
  /** Says on standard error what is being done. */
  report(line: string): void;
}

/** Rows that are measured together, in turn. */
export interface Section {
  readonly database: DatabaseKind;
  readonly rows: readonly Row[];
  /** @returns what was measured, by the rows' names */
  measure(bench: Bench): Promise<Readonly<Record<string, Measured>>>;
}

/** Measures each of the contestants in turn, round by round. */
export async function inTurn<Name extends string, Result>(
  { scale, report }: Bench,
  contestants: Readonly<Record<Name, () => Promise<Result>>>,
): Promise<Readonly<Record<Name, readonly Result[]>>> {
  const names = Object.keys(contestants) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    Result[]
  >;
  for (let round = 1; round <= scale.rounds; round++) {
    for (const name of names) {
      report(`round ${round} of ${scale.rounds}: ${name}`);
      results[name].push(await contestants[name]());
    }
  }
  return results;
}
