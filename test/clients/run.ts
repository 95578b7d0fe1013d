// npm run test:clients [NAME ...]: every real client against a Berth with a name and an address.
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { cleanUp } from '#test/hosts.ts';
import { occupyMachine } from '#test/lock.ts';
import { conclude, repositoryRoot, runTestFiles } from '#test/suite.ts';
import { ensureClients, suite } from './bed.ts';

const names = process.argv.slice(2);
const files = globSync('test/clients/*.test.ts', { cwd: repositoryRoot })
  .filter((file) => names.length === 0 || names.some((name) => file.includes(name)))
  .sort()
  .map((file) => join(repositoryRoot, file));

await using _machine = await occupyMachine(suite);
await ensureClients();
await cleanUp(suite);
const started = performance.now();
const counts = await runTestFiles(files, { concurrency: 1, timeout: 300_000 });
await cleanUp(suite);
console.log(
  `${files.length} files of client tests in ${((performance.now() - started) / 1000).toFixed(0)} s`,
);
conclude(counts);
