// npm run test:cluster [VERSION …] [SECTION …] [guide]: a real cluster, connected to Berth.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOnBed } from '#test/bed-suite.ts';
import { occupyMachine } from '#test/lock.ts';
import { type Counts, conclude } from '#test/suite.ts';
import { ensureSuiteTools, suite } from './bed.ts';
import { figureTable } from './figures.ts';
import { isSection, isVersion, sectionNames, versions } from './sections.ts';

const given = process.argv.slice(2);
const unknown = given.filter((name) => !isSection(name) && !isVersion(name) && name !== 'guide');
if (unknown.length > 0) {
  const known = [...versions, ...sectionNames, 'guide'].join(', ');
  console.error(`There is no ${unknown.join(', ')}: name some of ${known}, or none for all.`);
  process.exit(2);
}
const chosenSections = given.filter(isSection);
const onlyGuide = given.includes('guide') && chosenSections.length === 0;
const chosenVersions = given.some(isVersion) ? given.filter(isVersion) : versions;

await using _machine = await occupyMachine(suite);
await ensureSuiteTools();
const folder = await mkdtemp(join(tmpdir(), 'berth-figures-'));
const figures = join(folder, 'figures.jsonl');
await writeFile(figures, '');
const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const version of onlyGuide ? [] : chosenVersions) {
  await go('cluster.test.ts', `a cluster on containerd ${version}`, [
    version,
    figures,
    ...chosenSections,
  ]);
}
if (given.length === 0 || given.includes('guide')) {
  await go('guide.test.ts', 'docs/kubernetes.md', [figures]);
}
console.log(figureTable(figures));
await rm(folder, { recursive: true });
conclude(counts);

function go(name: string, what: string, argv: readonly string[]): Promise<void> {
  const file = join(import.meta.dirname, name);
  return runOnBed(suite, counts, { file, what, argv, timeout: 1_500_000 });
}
