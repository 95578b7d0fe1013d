import { after, before, describe } from 'node:test';
import { type Bed, startBed } from './bed.ts';
import { isVersion, sections, sectionsOf } from './sections.ts';

/** Arguments: a version of containerd, the file for figures, then sections, or none for all. */
const [version = '', figures = '', ...chosen] = process.argv.slice(2);
if (!isVersion(version)) throw new Error(`There is no containerd ${version} in the bed.`);

describe(`a cluster on containerd ${version}`, () => {
  let bed: Bed | undefined;
  const started = () => {
    if (bed === undefined) throw new Error('The bed has not been started.');
    return bed;
  };
  before(async () => {
    bed = await startBed({ version, figures });
  });
  after(() => bed?.stop());
  for (const name of sectionsOf(version, chosen)) sections[name](started, version);
});
