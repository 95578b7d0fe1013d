// npm run test:fuzz [-- --requests N --seed S --database sqlite|postgres]: whatever arrives is answered.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { occupyMachine } from '#test/lock.ts';
import { skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { conclude } from '#test/suite.ts';
import { type FuzzPlan, fuzz } from './fuzz.ts';
import { readOptions } from './options.ts';

const { requests, seed, database } = readOptions(process.argv.slice(2));
await using _machine = await occupyMachine('test:fuzz');
console.log(`seed ${seed}: --requests ${requests} --seed ${seed} repeats this run`);

const counts = { passed: 0, failed: 0, skipped: 0 };
const missing = skipWithoutPostgres();
const onBoth = database === undefined && missing === false;
const share = onBoth ? Math.ceil(requests / 2) : requests;
if (database !== 'postgres') await fuzzOn('SQLite', { requests: share });
if (database === 'postgres' || onBoth) {
  const server = await startPostgres();
  try {
    await fuzzOn('PostgreSQL', { requests: share, databaseUrl: await server.createDatabase() });
  } finally {
    await server.stop();
  }
} else if (missing !== false) {
  console.log(`PostgreSQL: skipped, ${missing}`);
  counts.skipped += 1;
}
conclude(counts);

async function fuzzOn(
  name: string,
  plan: Pick<FuzzPlan, 'requests' | 'databaseUrl'>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-fuzz-'));
  const report = (line: string) => console.log(`${name}: ${line}`);
  try {
    const outcome = await fuzz({ ...plan, seed: `${seed} on ${name}`, folder, report });
    const { seconds, before, after, problems } = outcome;
    const statuses = [...outcome.statuses].sort(([a], [b]) => a - b);
    report(
      `${outcome.requests} requests in ${seconds.toFixed(0)} s, ` +
        `${(outcome.requests / seconds).toFixed(0)} a second; ` +
        `statuses ${statuses.map(([status, count]) => `${status}: ${count}`).join(', ')}; ` +
        `memory ${megabytes(before.memory)}, then ${megabytes(after.memory)} MB; ` +
        `open files ${before.descriptors}, then ${after.descriptors}`,
    );
    for (const problem of problems) report(problem);
    counts.failed += problems.length;
    if (problems.length === 0) counts.passed += outcome.requests;
  } catch (error) {
    counts.failed += 1;
    report((error as Error).stack ?? String(error));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
