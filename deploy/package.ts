// npm run package: images of Berth and its agent, and the chart, into dist/.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { downloadPlatform, ownArchitecture, ownPlatform, type Platform } from './platforms.ts';
import { writePackage } from './write-package.ts';

const repository = join(import.meta.dirname, '..');
const output = join(repository, 'dist');
const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
const started = performance.now();

const folder = await mkdtemp(join(tmpdir(), 'berth-package-'));
try {
  const platforms = [ownPlatform(), ...(await otherPlatforms())];
  const files = await writePackage({ platforms, folder, repository, version, output });
  for (const { name, bytes } of files) {
    console.log(`dist/${name}  ${(bytes / 1_000_000).toFixed(1)} MB`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${seconds} s`);

async function otherPlatforms(): Promise<Platform[]> {
  const architecture = ownArchitecture === 'amd64' ? 'arm64' : 'amd64';
  try {
    return [await downloadPlatform(architecture, join(folder, architecture), repository)];
  } catch (error) {
    console.error(
      `Only linux/${ownArchitecture} is packaged: what linux/${architecture} needs could not be had. ${error instanceof Error ? error.message : error}`,
    );
    return [];
  }
}
