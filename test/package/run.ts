// npm run test:package: what `npm run package` wrote into dist/, run for each of its platforms.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { conclude, repositoryRoot, runTestFiles } from '#test/suite.ts';
import { aptPackages, ensureDebianPackages } from '#test/tools/debian.ts';

if (!existsSync(join(repositoryRoot, 'dist'))) {
  console.error('There is no dist/: run npm run package first.');
  process.exit(2);
}
if (process.getuid?.() !== 0) {
  console.error('Only root may change the root of a process: run it as root.');
  process.exit(2);
}
await ensureDebianPackages(aptPackages.package);
const file = join(import.meta.dirname, 'packaged.test.ts');
conclude(await runTestFiles([file], { concurrency: 1, timeout: 300_000 }));
