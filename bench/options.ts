import { parseArgs } from 'node:util';

export type DatabaseKind = 'sqlite' | 'postgres';

/** How much of everything a run takes. */
export interface Scale {
  readonly rounds: number;
  /** Of each load. */
  readonly seconds: number;
  readonly blobBytes: number;
  readonly images: number;
  /** Entries that lists are compared at. */
  readonly few: number;
  readonly many: number;
  readonly garbage: number;
  /** How often a large blob is pushed and pulled before memory is looked at. */
  readonly loadedBlobs: number;
}

export interface Options {
  readonly scale: Scale;
  /** Rows whose names hold one of these; all of them where there is none. */
  readonly rows: readonly string[];
  readonly databases: readonly DatabaseKind[];
  readonly output: 'table' | 'json' | 'markdown';
  /** Whether to fail on what no busy machine explains. */
  readonly smoke: boolean;
}

const whole: Omit<Scale, 'rounds' | 'seconds'> = {
  blobBytes: 100_000_000,
  images: 1000,
  few: 1000,
  many: 100_000,
  garbage: 100_000,
  loadedBlobs: 10,
};
const small: typeof whole = {
  blobBytes: 20_000_000,
  images: 60,
  few: 200,
  many: 2000,
  garbage: 1000,
  loadedBlobs: 5,
};

/** @throws {Error} a sentence */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      rows: { type: 'string' },
      database: { type: 'string' },
      json: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
    },
  });
  const { smoke, json, markdown, database } = values;
  if (json && markdown) throw new Error('Choose one of --json and --markdown.');
  if (database !== undefined && database !== 'sqlite' && database !== 'postgres') {
    throw new Error('--database is sqlite or postgres; without it, each row takes its own.');
  }
  return {
    scale: {
      ...(smoke ? small : whole),
      rounds: positive('--rounds', values.rounds ?? (smoke ? '1' : '5')),
      seconds: positive('--seconds', values.seconds ?? (smoke ? '1' : '5')),
    },
    rows: (values.rows ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
    databases: database === undefined ? ['sqlite', 'postgres'] : [database],
    output: json ? 'json' : markdown ? 'markdown' : 'table',
    smoke,
  };
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1 || value > 1000) {
    throw new Error(`${flag} takes a whole number from 1 to 1000: write for instance ${flag} 3`);
  }
  return value;
}
