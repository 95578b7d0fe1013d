import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { agentImage, agentProgramEntries } from '#kubernetes/agent-image.ts';
import { type BuiltManifest, buildIndex, buildLayer } from '#oci/image.ts';
import { nodeRuntime } from '#oci/node-image.ts';
import { berthImage, berthProgramEntries, runtimesEntries } from './berth-image.ts';
import type { Platform } from './platforms.ts';

export interface BuiltImages {
  /** Of all platforms. */
  readonly berth: BuiltManifest;
  readonly agent: BuiltManifest;
}

/**
 * Builds the images of Berth and of its agent.
 * @param folder where the program is bundled
 * @param repository this clone
 */
export async function buildImages(options: {
  readonly platforms: readonly Platform[];
  readonly folder: string;
  readonly repository: string;
  readonly version: string;
}): Promise<BuiltImages> {
  const { platforms, folder, repository, version } = options;
  const bundle = join(folder, 'bundle');
  const bundler = join(repository, 'bin', 'bundle.mjs');
  await promisify(execFile)(process.execPath, [bundler, bundle]);
  const program = await buildLayer(await berthProgramEntries(bundle));
  const agentProgram = await buildLayer(
    await agentProgramEntries(join(bundle, 'agent.mjs'), version),
  );
  const runtimes = await Promise.all(
    platforms.map(async ({ node, root }) => {
      const { architecture, entries } = await nodeRuntime(node, root);
      return { architecture, layer: await buildLayer(entries) };
    }),
  );
  // In one order, so that every platform makes the same index.
  runtimes.sort((one, other) => (one.architecture < other.architecture ? -1 : 1));
  const images = await Promise.all(
    runtimes.map(async ({ architecture, layer: runtime }) => {
      const others = runtimes.filter((other) => other.architecture !== architecture);
      return {
        berth: berthImage({
          architecture,
          runtime,
          program,
          runtimes: others.length === 0 ? undefined : await buildLayer(runtimesEntries(others)),
          version,
        }),
        agent: agentImage({ architecture, runtime, program: agentProgram, version }),
      };
    }),
  );
  return {
    berth: buildIndex(images.map(({ berth }) => berth)),
    agent: buildIndex(images.map(({ agent }) => agent)),
  };
}
