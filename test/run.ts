// npm test: the checks that read the code, then every test beside its subject.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { conclude, repositoryRoot, runTestFiles } from '#test/suite.ts';

const patterns = process.argv.slice(2);

if (patterns.length === 0) {
  check('biome', ['check', '--error-on-warnings', '.']);
  check('tsc', ['-p', '.']);
}

const rooms =
  'bench,bin,cli,contract,deploy,diagnosis,kubernetes,lib,oci,server,agent,test/architecture,test/support';
const files = globSync(`{${rooms}}/**/*.test.ts`, { cwd: repositoryRoot })
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort();
const started = Date.now();
const counts = await runTestFiles(
  files.map((file) => join(repositoryRoot, file)),
  { concurrency: availableParallelism(), timeout: 300_000 },
);
console.log(`${files.length} test files in ${seconds(started)} s`);
conclude(counts);

function check(tool: string, args: string[]): void {
  const begin = Date.now();
  const { status } = spawnSync(join(repositoryRoot, 'node_modules', '.bin', tool), args, {
    cwd: repositoryRoot,
    stdio: 'inherit',
  });
  if (status !== 0) {
    console.log(`${tool} failed: mend what it names above and run npm test again.`);
    process.exit(1);
  }
  console.log(`${tool}: clean in ${seconds(begin)} s`);
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(1);
}
