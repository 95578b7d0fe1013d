// Installs the Debian packages that suites need: node test/support/tools/packages.ts [suite ...]
import { aptPackages, ensureDebianPackages } from './debian.ts';

const suites = process.argv.slice(2);
const known = Object.keys(aptPackages) as (keyof typeof aptPackages)[];
const chosen = suites.length === 0 ? known : known.filter((suite) => suites.includes(suite));
if (suites.some((suite) => !known.some((name) => name === suite))) {
  console.error(`There are packages for ${known.join(', ')}: name some of these, or none for all.`);
  process.exit(2);
}
await ensureDebianPackages(chosen.flatMap((suite) => aptPackages[suite]));
