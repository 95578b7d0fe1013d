import { randomBytes } from 'node:crypto';
import {
  blobOf,
  type Client,
  clientOf,
  type Image,
  imageOf,
  pushImage,
  pushLargeBlob,
} from '../clients.ts';
import type { Measured } from '../measuring/figures.ts';
import { type Bench, inTurn, type Section } from '../section.ts';
import { startBerth } from '../servers/berth.ts';
import { startDistribution } from '../servers/distribution.ts';
import { medianOf, megabytes, percent } from './shared.ts';

const connections = 8;
const layerBytes = 2000;

export const pushSection: Section = {
  database: 'sqlite',
  rows: [
    {
      name: 'push-large/distribution',
      title: 'push of a blob of 100 MB, synced',
      unit: 'MB/s',
      against: 'distribution',
      bar: { of: 'ratio', atLeast: 1.3 },
    },
    {
      name: 'push-small/distribution',
      title: 'push of 1,000 small images by 8 connections',
      unit: 'images/s',
      against: 'distribution',
      bar: { of: 'ratio', atLeast: 1.5 },
    },
  ],
  measure,
};

interface Push {
  /** Bytes or images. */
  readonly perSecond: number;
  /** Of one core. */
  readonly clientShare: number;
}

async function measure(bench: Bench): Promise<Record<string, Measured>> {
  const { folder, scale } = bench;
  await using berth = await startBerth({ folder });
  await using distribution = await startDistribution({ folder });
  const repositories = ['bench/large', 'bench/small'];
  const token = await berth.token(
    repositories.map((name) => `repository:${name}:pull,push`).join(' '),
  );
  const toBerth = clientOf(berth.origin, token, connections);
  const toDistribution = clientOf(distribution.origin, undefined, connections);

  const large = async (client: Client) => {
    const blob = blobOf(randomBytes(scale.blobBytes));
    return timed(scale.blobBytes, () => pushLargeBlob(client, 'bench/large', blob));
  };
  const small = async (client: Client) => {
    const images = Array.from({ length: scale.images }, () => imageOf(layerBytes));
    return timed(images.length, () => pushAll(client, images));
  };
  bench.report('warming up');
  for (const client of [toBerth, toDistribution]) {
    await large(client);
    await small(client);
  }
  try {
    const found = await inTurn(bench, {
      'Berth, 100 MB': () => large(toBerth),
      'distribution, 100 MB': () => large(toDistribution),
      'Berth, small images': () => small(toBerth),
      'distribution, small images': () => small(toDistribution),
    });
    const big = compared(found['Berth, 100 MB'], found['distribution, 100 MB']);
    return {
      'push-large/distribution': { ...big, value: megabytes(big.value) },
      'push-small/distribution': compared(
        found['Berth, small images'],
        found['distribution, small images'],
      ),
    };
  } finally {
    toBerth.close();
    toDistribution.close();
  }
}

/** Every connection takes the next image when it is done with its last. */
async function pushAll(client: Client, images: readonly Image[]): Promise<void> {
  const left = [...images.entries()];
  const pushNext = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      await pushImage(client, 'bench/small', `v${next[0]}`, next[1]);
    }
  };
  await Promise.all(Array.from({ length: connections }, pushNext));
}

async function timed(count: number, push: () => Promise<void>): Promise<Push> {
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  await push();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { perSecond: count / seconds, clientShare: (user + system) / 1e6 / seconds };
}

function compared(own: readonly Push[], others: readonly Push[]): Measured {
  const value = medianOf(own, ({ perSecond }) => perSecond);
  const share = (pushes: readonly Push[]) =>
    percent(medianOf(pushes, ({ clientShare }) => clientShare));
  return {
    value,
    ratio: value / medianOf(others, ({ perSecond }) => perSecond),
    details: `client ${share(own)}; other: client ${share(others)}`,
  };
}
