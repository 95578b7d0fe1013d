import { fileContent } from '#oci/content.ts';
import type { BuiltManifest, KnownLayer } from '#oci/image.ts';
import { nodeImage, programFolder, textFile, withFolders } from '#oci/node-image.ts';
import type { TarEntry } from '#oci/tar.ts';

/** The agent's own layer. @param program of `agent.mjs` */
export async function agentProgramEntries(program: string, version: string): Promise<TarEntry[]> {
  return [
    ...withFolders([
      {
        type: 'file',
        path: `${programFolder}/agent.mjs`,
        content: await fileContent(program),
      },
      textFile(`${programFolder}/package.json`, JSON.stringify({ type: 'module', version })),
    ]),
  ];
}

/** It waits rather than computes: code that is never compiled leaves the compilers out of memory. */
export const memoryOptions = [
  '--max-semi-space-size=1',
  '--max-old-space-size=160',
  '--no-opt',
  '--no-maglev',
  '--no-sparkplug',
];

export function agentImage(parts: {
  readonly architecture: 'amd64' | 'arm64';
  readonly runtime: KnownLayer;
  readonly program: KnownLayer;
  readonly version: string;
}): BuiltManifest {
  const { program, ...common } = parts;
  return nodeImage({
    ...common,
    layers: [program],
    title: 'Berth agent',
    config: {
      Entrypoint: ['/usr/bin/node', ...memoryOptions, `/${programFolder}/agent.mjs`],
      Env: [`BERTH_VERSION=${parts.version}`],
    },
  });
}
