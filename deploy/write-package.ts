import { createWriteStream } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writeImageArchive } from '#oci/archive.ts';
import type { BuiltManifest } from '#oci/image.ts';
import { buildImages } from './build.ts';
import { berthChart } from './chart-archive.ts';
import { ownArchitecture, type Platform } from './platforms.ts';

export interface PackageOrder {
  readonly platforms: readonly Platform[];
  /** Where the program is bundled. */
  readonly folder: string;
  /** This clone. */
  readonly repository: string;
  readonly version: string;
  readonly output: string;
}

export interface PackagedFile {
  readonly name: string;
  readonly bytes: number;
}

/** Images of Berth and of its agent, and the chart, as files of the folder `output`. */
export async function writePackage(order: PackageOrder): Promise<readonly PackagedFile[]> {
  const { version, output } = order;
  const { berth, agent } = await buildImages(order);
  await mkdir(output, { recursive: true });
  const chart = `berth-${version}.tgz`;
  const images = [
    { name: `berth-${version}.tar`, reference: `berth:${version}`, image: berth },
    { name: `berth-agent-${version}.tar`, reference: `berth/agent:${version}`, image: agent },
  ];
  for (const { name, reference, image } of images) {
    await pipeline(
      Readable.from(archiveOf(reference, image)),
      createWriteStream(join(output, name)),
    );
  }
  await writeFile(join(output, chart), await berthChart());
  return Promise.all(
    [...images.map(({ name }) => name), chart].map(async (name) => ({
      name,
      bytes: (await stat(join(output, name))).size,
    })),
  );
}

function archiveOf(reference: string, { descriptor: root, blobs }: BuiltManifest) {
  return writeImageArchive({ reference, root, blobs, architecture: ownArchitecture });
}
