import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { blobOf, clientOf, pushLargeBlob } from '../clients.ts';
import type { Measured } from '../measuring/figures.ts';
import { residentBytes } from '../measuring/processes.ts';
import { type Bench, inTurn, type Section } from '../section.ts';
import { startBerth } from '../servers/berth.ts';
import { startDistribution } from '../servers/distribution.ts';
import type { Program } from '../servers/program.ts';
import { medianOf, megabytes } from './shared.ts';

const repository = 'bench/memory';
/** Milliseconds without a request, after which a server is idle. */
const settling = 5000;

export const memorySection: Section = {
  database: 'sqlite',
  rows: [
    {
      name: 'memory-idle/distribution',
      title: 'resident memory after the start',
      unit: 'MB',
      against: 'distribution',
      bar: { of: 'value', atMost: 120 },
    },
    {
      name: 'memory-loaded/distribution',
      title: 'resident memory after 1 GB was pushed and pulled',
      unit: 'MB',
      against: 'distribution',
      bar: { of: 'value', atMost: 200 },
    },
  ],
  measure,
};

interface Memory {
  readonly idle: number;
  readonly loaded: number;
}

async function measure(bench: Bench): Promise<Record<string, Measured>> {
  const { folder } = bench;
  const found = await inTurn(bench, {
    Berth: async () => {
      await using berth = await startBerth({ folder });
      const idle = await settled(berth);
      const token = await berth.token(`repository:${repository}:pull,push`);
      await pushAndPull(bench, berth, token);
      return { idle, loaded: await settled(berth) };
    },
    distribution: async () => {
      await using distribution = await startDistribution({ folder });
      const idle = await settled(distribution);
      await pushAndPull(bench, distribution);
      return { idle, loaded: await settled(distribution) };
    },
  });
  const compared = (of: (memory: Memory) => number): Measured => {
    const value = medianOf(found.Berth, of);
    return { value, ratio: value / medianOf(found.distribution, of) };
  };
  return {
    'memory-idle/distribution': compared(({ idle }) => idle),
    'memory-loaded/distribution': compared(({ loaded }) => loaded),
  };
}

async function settled({ pid }: Program): Promise<number> {
  await pause(settling);
  return megabytes(residentBytes(pid));
}

async function pushAndPull({ scale }: Bench, server: Program, token?: string): Promise<void> {
  const client = clientOf(server.origin, token);
  for (let count = 0; count < scale.loadedBlobs; count++) {
    const blob = blobOf(randomBytes(scale.blobBytes));
    await pushLargeBlob(client, repository, blob);
    const { bytes } = await client.send('GET', `/v2/${repository}/blobs/${blob.digest}`);
    if (bytes !== scale.blobBytes) throw new Error(`${bytes} bytes were pulled`);
  }
  client.close();
}
