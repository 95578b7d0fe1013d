// npm run test:crash [-- --kills N --seed S --workers N]: what was acknowledged is there, whatever ends the server.
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { occupyMachine } from '#test/lock.ts';
import { skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { succeed } from '#test/processes.ts';
import { conclude, repositoryRoot, runTestFiles } from '#test/suite.ts';
import { type KillPlan, killAgainAndAgain } from './kills.ts';
import { readOptions } from './options.ts';

const { kills, seed, workers } = readOptions(process.argv.slice(2));
await using _machine = await occupyMachine('test:crash');
console.log(`seed ${seed}: --kills ${kills} --seed ${seed} --workers ${workers} repeats this run`);

const counts = await runTestFiles(
  globSync('test/crash/*.test.ts', { cwd: repositoryRoot }).map((file) =>
    join(repositoryRoot, file),
  ),
  { concurrency: 1, timeout: 300_000 },
);

const bundle = mkdtempSync(join(tmpdir(), 'berth-bundle-'));
const bundler = join(repositoryRoot, 'bin', 'bundle.mjs');
await succeed(process.execPath, [bundler, join(bundle, 'program')], { cwd: repositoryRoot });

const missing = skipWithoutPostgres();
const onSqlite = missing === false ? Math.ceil(kills / 2) : kills;
await endAgainAndAgain('SQLite', { kills: onSqlite });
if (missing === false) {
  const server = await startPostgres();
  try {
    const url = await server.createDatabase();
    await endAgainAndAgain('PostgreSQL', { kills: kills - onSqlite, postgres: { server, url } });
  } finally {
    await server.stop();
  }
} else {
  console.log(`PostgreSQL: skipped, ${missing}`);
  counts.skipped += 1;
}
rmSync(bundle, { recursive: true });
conclude(counts);

async function endAgainAndAgain(
  database: string,
  plan: Pick<KillPlan, 'kills' | 'postgres'>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-crash-'));
  const started = performance.now();
  try {
    const outcome = await killAgainAndAgain({
      ...plan,
      seed: `${seed} on ${database}`,
      folder,
      workers,
      program: join(bundle, 'program', 'berth.js'),
      report: (line) => console.log(`${database}: ${line}`),
    });
    const minutes = (performance.now() - started) / 60_000;
    console.log(
      `${database}: ${outcome.kills} kills in ${minutes.toFixed(1)} minutes ` +
        `(${(outcome.kills / minutes).toFixed(0)} a minute), ${outcome.acknowledged} operations ` +
        `acknowledged, ${outcome.unanswered} unanswered, ${outcome.facts} facts held, ` +
        `${outcome.orphans} orphaned files`,
    );
    counts.passed += outcome.kills;
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    counts.failed += 1;
    console.log(`${database} failed; what is left lies in ${folder}\n${(error as Error).message}`);
  }
}
