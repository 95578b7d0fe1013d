import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { agentImage, agentProgramEntries } from '#kubernetes/agent-image.ts';
import {
  type BuiltManifest,
  buildIndex,
  buildLayer,
  diffIdOf,
  type KnownLayer,
} from '#oci/image.ts';
import { type NodeRuntime, nodeRuntime } from '#oci/node-image.ts';
import type { TarEntry } from '#oci/tar.ts';
import type { BuildAnswer, BuildOrder, BuiltPart } from './build-protocol.ts';
import { packagedRuntimes } from './packaged-runtimes.ts';

// A process of its own, so that the memory which building takes goes with it.
const order: BuildOrder = JSON.parse(process.argv[2] ?? '');
try {
  await send(await build());
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

type Architecture = NodeRuntime['architecture'];

interface Built {
  readonly images: readonly BuiltManifest[];
  readonly index: BuiltManifest;
}

async function build(): Promise<Built> {
  const { version } = order;
  const own = await nodeRuntime(order.node);
  const program = await layerOf(await agentProgramEntries(order.program, version));
  const runtimes: { architecture: Architecture; layer: KnownLayer }[] = [
    { architecture: own.architecture, layer: await layerOf(own.entries) },
  ];
  for (const { architecture, diffId, descriptor, path } of await packagedRuntimes(order.runtimes)) {
    if (architecture === own.architecture) continue;
    const layer = storedLayer(diffId) ?? { diffId, descriptor, bytes: await readFile(path) };
    runtimes.push({ architecture, layer });
  }
  // In one order, so that every platform makes the same index.
  const images = runtimes
    .sort((one, other) => (one.architecture < other.architecture ? -1 : 1))
    .map(({ architecture, layer: runtime }) =>
      agentImage({ architecture, runtime, program, version }),
    );
  return { images, index: buildIndex(images) };
}

function storedLayer(diffId: string): KnownLayer | undefined {
  return order.stored.find((stored) => stored.diffId === diffId);
}

async function layerOf(entries: readonly TarEntry[]): Promise<KnownLayer> {
  return storedLayer(await diffIdOf(entries)) ?? buildLayer(entries);
}

async function send({ images, index }: Built): Promise<void> {
  const mediaTypes = new Map(
    [...images, index].map(({ descriptor: { digest, mediaType } }) => [digest, mediaType]),
  );
  const answer: BuildAnswer = {
    parts: [...index.blobs].map(([digest, bytes]): BuiltPart => {
      const mediaType = mediaTypes.get(digest);
      return { digest, size: bytes.length, ...(mediaType === undefined ? {} : { mediaType }) };
    }),
  };
  await pipeline(
    Readable.from([Buffer.from(`${JSON.stringify(answer)}\n`), ...index.blobs.values()]),
    process.stdout,
  );
}
