import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '#lib/errors.ts';
import type { StoredLayer } from './build-protocol.ts';

export interface PackagedRuntime extends StoredLayer {
  readonly architecture: 'amd64' | 'arm64';
  /** Of the layer's bytes. */
  readonly path: string;
}

/** What a package brings along besides its own platform: `ARCHITECTURE.json`, `ARCHITECTURE.tar.gz`. */
export async function packagedRuntimes(folder: string): Promise<PackagedRuntime[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const described = names.filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    described.map(async (name) => {
      const { architecture, diffId, descriptor } = JSON.parse(
        await readFile(join(folder, name), 'utf8'),
      );
      return {
        architecture,
        diffId,
        descriptor,
        path: join(folder, `${architecture}.tar.gz`),
      };
    }),
  );
}
