// npm run test:tutorial [SECTION …] [VERSION …]: the tutorial, step by step, by real programs.
import { join } from 'node:path';
import { runOnBed } from '#test/bed-suite.ts';
import { occupyMachine } from '#test/lock.ts';
import { type Counts, conclude } from '#test/suite.ts';
import { suite } from './bed.ts';
import { ensureTutorialTools } from './programs.ts';
import { isSection, isVersion, sectionNames, versions } from './sections.ts';

const given = process.argv.slice(2);
const unknown = given.filter((name) => !isSection(name) && !isVersion(name) && name !== 'readme');
if (unknown.length > 0) {
  const known = [...sectionNames, 'readme', ...versions].join(', ');
  console.error(`There is no ${unknown.join(', ')}: name some of ${known}, or none for all.`);
  process.exit(2);
}
const chosenSections = given.filter(isSection);
const chosenVersions = given.some(isVersion) ? given.filter(isVersion) : versions;
const onlyReadme = given.includes('readme') && chosenSections.length === 0;

await using _machine = await occupyMachine(suite);
await ensureTutorialTools();
const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const version of onlyReadme ? [] : chosenVersions) {
  await go('tutorial.test.ts', `the tutorial on containerd ${version}`, [
    version,
    ...chosenSections,
  ]);
}
if (given.length === 0 || given.includes('readme')) await go('readme.test.ts', 'the README', []);
conclude(counts);

function go(name: string, what: string, argv: readonly string[]): Promise<void> {
  const file = join(import.meta.dirname, name);
  return runOnBed(suite, counts, { file, what, argv, timeout: 900_000 });
}
