import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export type DatabaseKind = 'sqlite' | 'postgres';

export interface Options {
  /** Over all databases. */
  readonly requests: number;
  readonly seed: string;
  /** Undefined: each one that is installed. */
  readonly database: DatabaseKind | undefined;
}

/** `--requests N`, `--seed S` and `--database sqlite|postgres`. @throws {Error} a sentence */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      requests: { type: 'string' },
      seed: { type: 'string' },
      database: { type: 'string' },
    },
  });
  const requests = Number(values.requests ?? 20_000);
  if (!Number.isSafeInteger(requests) || requests < 100) {
    throw new Error('--requests is not a number of requests, 100 or more: write --requests 20000');
  }
  const { database } = values;
  if (database !== undefined && database !== 'sqlite' && database !== 'postgres') {
    throw new Error('--database is neither sqlite nor postgres');
  }
  return { requests, seed: values.seed ?? String(randomInt(1_000_000)), database };
}
