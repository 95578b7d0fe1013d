// npm run package: images of Berth and its agent, and the chart, into dist/.
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writeImageArchive } from '#oci/archive.ts';
import type { BuiltManifest } from '#oci/image.ts';
import { buildImages } from './build.ts';
import { berthChart } from './chart-archive.ts';
import { downloadPlatform, ownArchitecture, ownPlatform, type Platform } from './platforms.ts';

const repository = join(import.meta.dirname, '..');
const output = join(repository, 'dist');
const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
const started = performance.now();

const folder = await mkdtemp(join(tmpdir(), 'berth-package-'));
try {
  const platforms = [ownPlatform(), ...(await otherPlatforms())];
  const { berth, agent } = await buildImages({ platforms, folder, repository, version });
  await mkdir(output, { recursive: true });
  await writeArchive(`berth-${version}.tar`, `berth:${version}`, berth);
  await writeArchive(`berth-agent-${version}.tar`, `berth/agent:${version}`, agent);
  const chart = await berthChart();
  await writeFile(join(output, `berth-${version}.tgz`), chart);
  tell(`berth-${version}.tgz`, chart.length);
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`);

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

async function writeArchive(file: string, reference: string, image: BuiltManifest): Promise<void> {
  const { descriptor: root, blobs } = image;
  const archive = writeImageArchive({ reference, root, blobs, architecture: ownArchitecture });
  await pipeline(Readable.from(archive), createWriteStream(join(output, file)));
  tell(
    file,
    [...blobs.values()].reduce((size, bytes) => size + bytes.length, 0),
  );
}

function tell(file: string, size: number): void {
  console.log(`dist/${file}  ${(size / 1_000_000).toFixed(1)} MB`);
}
