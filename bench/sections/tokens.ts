import type { Measured } from '../measuring/figures.ts';
import { wrk } from '../measuring/wrk.ts';
import { type Bench, inTurn, type Section } from '../section.ts';
import { startBerth } from '../servers/berth.ts';
import { describeLoad, medianOf, requestsPerSecond } from './shared.ts';

const connections = 32;

export const tokenSection: Section = {
  database: 'sqlite',
  rows: [
    {
      name: 'token-requests',
      title: "token requests by a robot's secret",
      unit: 'requests/s',
      against: null,
      bar: { of: 'value', atLeast: 2000 },
    },
  ],
  measure,
};

async function measure(bench: Bench): Promise<Record<string, Measured>> {
  const { folder, scale } = bench;
  await using berth = await startBerth({ folder });
  await berth.api('/projects', { method: 'POST', body: { project_name: 'bench' } });
  const robot = (await berth.api('/robots', {
    method: 'POST',
    body: {
      name: 'puller',
      level: 'project',
      duration: -1,
      permissions: [
        {
          kind: 'project',
          namespace: 'bench',
          access: [{ resource: 'repository', action: 'pull' }],
        },
      ],
    },
  })) as { name: string; secret: string };
  const query = 'service=harbor-registry&scope=repository:bench/app:pull';
  const found = await inTurn(bench, {
    'token requests': () =>
      wrk(berth.pid, {
        url: `${berth.origin}/service/token?${query}`,
        connections,
        seconds: scale.seconds,
        headers: { authorization: `Basic ${btoa(`${robot.name}:${robot.secret}`)}` },
      }),
  });
  const results = found['token requests'];
  return {
    'token-requests': {
      value: medianOf(results, requestsPerSecond),
      details: describeLoad(results),
    },
  };
}
