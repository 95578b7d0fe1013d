import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export interface Options {
  /** Over both databases. */
  readonly kills: number;
  readonly seed: string;
  /** Processes that answer requests. */
  readonly workers: string;
}

/** `--kills N`, `--seed S` and `--workers N`. @throws {Error} a sentence */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { kills: { type: 'string' }, seed: { type: 'string' }, workers: { type: 'string' } },
  });
  const kills = Number(values.kills ?? 200);
  if (!Number.isSafeInteger(kills) || kills < 2) {
    throw new Error('--kills is not a number of kills: write for instance --kills 200');
  }
  return {
    kills,
    seed: values.seed ?? String(randomInt(1_000_000)),
    workers: values.workers ?? '1',
  };
}
