import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, clientOf, imageOf, pushImage } from '../clients.ts';
import { generateRegistry } from '../generate/generate.ts';
import type { Measured } from '../measuring/figures.ts';
import type { Bench, Section } from '../section.ts';
import { type Berth, startBerth } from '../servers/berth.ts';
import { inMilliseconds } from './shared.ts';

const repository = 'bench/app';
/** Milliseconds between two looks at how far the collection is. */
const between = 100;
const limit = 10 * 60_000;

export const collectionSection: Section = {
  database: 'sqlite',
  rows: [
    {
      name: 'collection-wait',
      title: 'longest wait of a pull while 100,000 blobs are collected',
      unit: 'ms',
      against: 'no collection',
      bar: { of: 'value', atMost: 50 },
    },
    {
      name: 'collection-time',
      title: 'collection of 100,000 blobs while pushes and pulls go on',
      unit: 's',
      against: null,
      bar: { of: 'value', atMost: 60 },
    },
  ],
  measure,
};

async function measure(bench: Bench): Promise<Record<string, Measured>> {
  const { folder, scale, report } = bench;
  report(`making a registry with ${scale.garbage} blobs that nothing needs`);
  await generateRegistry({ dataFolder: join(folder, 'berth') }, [
    {
      project: 'old',
      repositories: 1,
      manifests: 1,
      tags: 1,
      layers: 1,
      blobs: 'distinct',
      garbage: scale.garbage,
    },
  ]);
  await using berth = await startBerth({ folder });
  const client = clientOf(berth.origin, await berth.token(`repository:${repository}:pull,push`));
  try {
    await pushImage(client, repository, '1.0', imageOf(1000));
    report('pulling and pushing without a collection');
    const quiet = await waitsDuring(client, () => pause(scale.seconds * 1000));
    report('collecting');
    const began = performance.now();
    const busy = await waitsDuring(client, () => collect(berth, scale.garbage));
    const seconds = (performance.now() - began) / 1000;
    return {
      'collection-wait': {
        value: busy.pull,
        ratio: busy.pull / quiet.pull,
        details: `of ${busy.pulls} pulls, and ${inMilliseconds(busy.push)} of ${busy.pushes} pushes; without: ${inMilliseconds(quiet.pull)} of ${quiet.pulls} pulls, ${inMilliseconds(quiet.push)} of ${quiet.pushes} pushes`,
      },
      'collection-time': { value: seconds },
    };
  } finally {
    client.close();
  }
}

interface Waits {
  /** The longest, in milliseconds. */
  readonly pull: number;
  readonly push: number;
  readonly pulls: number;
  readonly pushes: number;
}

/** Two clients pull and one pushes, each as soon as it is answered, while `work` goes on. */
async function waitsDuring(client: Client, work: () => Promise<void>): Promise<Waits> {
  let working = true;
  const pulls: number[] = [];
  const pushes: number[] = [];
  const pull = async () => {
    while (working) {
      const began = performance.now();
      await client.send('GET', `/v2/${repository}/manifests/1.0`);
      pulls.push(performance.now() - began);
      // Some hundreds a second: the wait looked for is the server's, not that of a queue before it.
      await pause(2);
    }
  };
  const push = async () => {
    while (working) {
      const image = imageOf(500);
      const began = performance.now();
      await pushImage(client, repository, 'moving', image);
      pushes.push(performance.now() - began);
      await pause(10);
    }
  };
  const clients = Promise.all([pull(), pull(), push()]);
  try {
    await Promise.race([work(), clients]);
  } finally {
    working = false;
    await clients;
  }
  return { pull: most(pulls), push: most(pushes), pulls: pulls.length, pushes: pushes.length };
}

function most(values: readonly number[]): number {
  return values.reduce((one, other) => Math.max(one, other), 0);
}

interface Collection {
  readonly id: number;
  readonly state: 'waiting' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly problem?: string;
  readonly report?: { readonly blobs: number };
}

async function collect(berth: Berth, garbage: number): Promise<void> {
  const order = { schedule: { type: 'Manual' }, parameters: { delete_untagged: false } };
  const path = '/system/gc';
  const { id } = (await berth.api(`${path}/schedule`, {
    method: 'POST',
    body: order,
  })) as Collection;
  const deadline = performance.now() + limit;
  while (performance.now() < deadline) {
    const { state, problem, report } = (await berth.api(`${path}/${id}`)) as Collection;
    if (state === 'succeeded') {
      if (report?.blobs === garbage) return;
      throw new Error(`The collection took ${report?.blobs} blobs of ${garbage}`);
    }
    if (state === 'failed' || state === 'cancelled') {
      throw new Error(`The collection ${state}: ${problem}`);
    }
    await pause(between);
  }
  throw new Error('The collection did not end within ten minutes');
}
