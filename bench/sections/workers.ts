import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { clientOf, imageOf, pushImage } from '../clients.ts';
import type { Measured } from '../measuring/figures.ts';
import { wrk } from '../measuring/wrk.ts';
import { type Bench, inTurn, type Section } from '../section.ts';
import { startBerth } from '../servers/berth.ts';
import { describeLoad, medianOf, requestsPerCpuSecond } from './shared.ts';

const repository = 'bench/app';
const connections = 32;

export const workerSection: Section = {
  database: 'sqlite',
  rows: [
    {
      name: 'two-workers/one',
      title: "manifest GETs for a second of the server's CPU, two workers",
      unit: 'requests/CPU-s',
      against: 'one worker',
      bar: { of: 'ratio', atLeast: 0.85 },
    },
  ],
  measure,
};

async function measure(bench: Bench): Promise<Record<string, Measured>> {
  await using one = await serve(bench, 1);
  await using two = await serve(bench, 2);
  await one.load();
  await two.load();
  const found = await inTurn(bench, { 'one worker': one.load, 'two workers': two.load });
  const value = medianOf(found['two workers'], requestsPerCpuSecond);
  return {
    'two-workers/one': {
      value,
      ratio: value / medianOf(found['one worker'], requestsPerCpuSecond),
      details: `two: ${describeLoad(found['two workers'])}; one: ${describeLoad(found['one worker'])}`,
    },
  };
}

async function serve({ folder: parent, scale }: Bench, workers: number) {
  const folder = join(parent, `workers-${workers}`);
  mkdirSync(folder);
  const berth = await startBerth({ folder, workers });
  const client = clientOf(berth.origin, await berth.token(`repository:${repository}:pull,push`));
  await pushImage(client, repository, '1.0', imageOf(1000));
  client.close();
  const token = await berth.token(`repository:${repository}:pull`);
  return {
    load: () =>
      wrk(berth.pid, {
        url: `${berth.origin}/v2/${repository}/manifests/1.0`,
        connections,
        seconds: scale.seconds,
        headers: { authorization: `Bearer ${token}` },
      }),
    [Symbol.asyncDispose]: () => berth.stop(),
  };
}
