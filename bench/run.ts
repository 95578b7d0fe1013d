// npm run bench [-- OPTIONS]: Berth, distribution and bare node:http, measured in turn.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { occupyMachine } from '#test/lock.ts';
import { startPostgres } from '#test/postgres.ts';
import { aptPackages, ensureDebianPackages } from '#test/tools/index.ts';
import { figureOf, isMissedTenfold, type Measured } from './measuring/figures.ts';
import { type Options, readOptions } from './options.ts';
import type { Section } from './section.ts';
import { sections } from './sections/index.ts';
import { type Line, markdownOf, tableOf } from './table.ts';

type Outcomes = Readonly<Record<string, Measured>>;

let options: Options;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(2);
}
const { rows: wanted, databases, scale, output, smoke } = options;

const began = performance.now();
const chosen = sections.filter(
  ({ database, rows }) => databases.includes(database) && rows.some(({ name }) => isWanted(name)),
);
if (chosen.length === 0) {
  const names = sections.flatMap(({ rows }) => rows.map(({ name }) => name));
  process.stderr.write(`No row is named so; there are ${names.join(', ')}.\n`);
  process.exit(2);
}

await ensureDebianPackages([...aptPackages.bench]);
await using _machine = await occupyMachine('bench');
if (smoke) {
  process.stderr.write('A smoke run measures less than its rows are named after, and once.\n');
}
const lines: Line[] = [];
let failed = false;
for (const section of chosen) {
  const outcome = await outcomeOf(section);
  for (const row of section.rows.filter(({ name }) => isWanted(name))) {
    const measured = 'reason' in outcome ? undefined : outcome.measured[row.name];
    const reason = 'reason' in outcome ? outcome.reason : 'The section did not measure it';
    lines.push({ row, figure: figureOf(row, measured ?? { reason }), details: measured?.details });
    if (measured === undefined) failed = true;
    else if (row.bar !== undefined && isMissedTenfold(row.bar, measured)) failed = true;
  }
}
const print = { table: tableOf, markdown: markdownOf, json: jsonOf }[output];
process.stdout.write(print(lines));
if (smoke && failed) {
  process.stderr.write('A row did not run, or missed its bar by more than ten times.\n');
  process.exitCode = 1;
}

function isWanted(name: string): boolean {
  return wanted.length === 0 || wanted.some((part) => name.includes(part));
}

async function outcomeOf(
  section: Section,
): Promise<{ readonly measured: Outcomes } | { readonly reason: string }> {
  const names = [...new Set(section.rows.map(({ name }) => name.split('/')[0]))].join(', ');
  const report = (line: string) => {
    const seconds = Math.round((performance.now() - began) / 1000);
    process.stderr.write(`${String(seconds).padStart(4)} s  ${names}: ${line}\n`);
  };
  const folder = mkdtempSync(join(tmpdir(), 'berth-bench-'));
  try {
    if (section.database === 'sqlite') {
      return { measured: await section.measure({ folder, scale, report, databaseUrl: undefined }) };
    }
    const postgres = await startPostgres();
    try {
      const databaseUrl = await postgres.createDatabase();
      return { measured: await section.measure({ folder, scale, report, databaseUrl }) };
    } finally {
      await postgres.stop();
    }
  } catch (error) {
    const [reason = 'unknown'] = (error as Error).message.split('\n');
    report(`did not run: ${(error as Error).message}`);
    return { reason };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function jsonOf(measured: readonly Line[]): string {
  return `${JSON.stringify(
    measured.map(({ figure }) => figure),
    null,
    2,
  )}\n`;
}
