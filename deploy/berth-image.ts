import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileContent } from '#oci/content.ts';
import type { BuiltManifest, KnownLayer } from '#oci/image.ts';
import { nodeImage, programFolder, userId, withFolders } from '#oci/node-image.ts';
import type { TarEntry } from '#oci/tar.ts';

/** Of Node.js itself: `berth` is what people type by `kubectl exec`, and what the container runs. */
const command = `#!/usr/bin/node
// Becomes the program, with what bin/launch.mjs gives it on other machines.
process.removeAllListeners('warning');
const node = '/usr/bin/node';
const program = '/${programFolder}/berth.js';
const options = ['--use-system-ca', '--expose-gc'];
process.execve(node, [node, ...options, program, ...process.argv.slice(2)]);
`;

/** @param bundle the folder that bin/bundle.mjs made */
export async function berthProgramEntries(bundle: string): Promise<TarEntry[]> {
  const names = (await readdir(bundle)).sort();
  const files = await Promise.all(
    names.map(
      async (name): Promise<TarEntry> => ({
        type: 'file',
        path: `${programFolder}/${name}`,
        content: await fileContent(join(bundle, name)),
      }),
    ),
  );
  return [
    ...withFolders(files),
    { type: 'directory', path: 'data', mode: 0o700, uid: userId, gid: userId },
    { type: 'file', path: 'usr/bin/berth', content: Buffer.from(command), mode: 0o755 },
  ];
}

/** The layer of Node.js of another platform, which the server makes images of the agent from. */
export interface PackagedRuntime {
  readonly architecture: 'amd64' | 'arm64';
  readonly layer: Required<KnownLayer>;
}

/** What `server/features/own-artifacts` reads of other platforms. */
export function runtimesEntries(runtimes: readonly PackagedRuntime[]): TarEntry[] {
  const folder = `${programFolder}/runtimes`;
  return [
    ...withFolders(
      runtimes.flatMap(({ architecture, layer: { diffId, descriptor, bytes } }): TarEntry[] => [
        {
          type: 'file',
          path: `${folder}/${architecture}.json`,
          content: Buffer.from(JSON.stringify({ architecture, diffId, descriptor })),
        },
        { type: 'file', path: `${folder}/${architecture}.tar.gz`, content: bytes },
      ]),
    ),
  ];
}

/** Writes to /data and /tmp alone, which a read-only root therefore has to be given. */
export function berthImage(parts: {
  readonly architecture: 'amd64' | 'arm64';
  readonly runtime: KnownLayer;
  readonly program: KnownLayer;
  /** Absent where there is one platform only. */
  readonly runtimes: KnownLayer | undefined;
  readonly version: string;
}): BuiltManifest {
  const { program, runtimes, ...common } = parts;
  return nodeImage({
    ...common,
    layers: runtimes === undefined ? [program] : [runtimes, program],
    title: 'Berth',
    config: {
      Entrypoint: ['/usr/bin/berth'],
      Cmd: ['serve'],
      Env: ['BERTH_DATA=/data', 'HOME=/tmp', 'NODE_COMPILE_CACHE=/tmp/compiled'],
      ExposedPorts: { '5000/tcp': {} },
      Volumes: { '/data': {} },
      StopSignal: 'SIGTERM',
    },
  });
}
