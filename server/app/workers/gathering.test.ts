import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter, gauge, type MetricSnapshot } from '#server/telemetry/metrics.ts';
import { createGathering } from './gathering.ts';

const own = { snapshots: () => [], stop: () => {} };

function workerWith(requests: Record<string, number>) {
  return {
    processMetrics: async (): Promise<MetricSnapshot[]> => [
      counter(
        'requests_total',
        'Requests.',
        Object.entries(requests).map(([route, value]) => ({ labels: { route }, value })),
      ),
      gauge('memory_bytes', 'Memory.', 100),
    ],
  };
}

function sumOf(processes: readonly (readonly MetricSnapshot[])[], name: string): number {
  return processes
    .flat()
    .filter((snapshot) => snapshot.name === name)
    .flatMap(({ values }) => values)
    .reduce((sum, { value }) => sum + value, 0);
}

test('what workers counted still counts when they have ended, what they held does not', async () => {
  const workers = new Set([
    workerWith({ a: 1, b: 2 }),
    workerWith({ b: 10 }),
    workerWith({ a: 7 }),
  ]);
  const gathering = createGathering(() => [...workers], own);
  assert.equal(sumOf(await gathering.gather(), 'requests_total'), 20);
  for (const worker of [...workers].slice(0, 2)) {
    workers.delete(worker);
    gathering.ended(worker);
  }
  workers.add(workerWith({ c: 100 }));
  const told = await gathering.gather();
  assert.equal(sumOf(told, 'requests_total'), 120);
  assert.equal(sumOf(told, 'memory_bytes'), 200);
  assert.equal(sumOf(told, 'berth_workers_ended_total'), 2);
});

test('a worker that does not answer is told of as it was before', async (context) => {
  const workers = [workerWith({ a: 1 })];
  const gathering = createGathering(() => workers, own);
  await gathering.gather();
  const [worker] = workers;
  assert.ok(worker);
  worker.processMetrics = () => new Promise(() => {});
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const gathered = gathering.gather();
  context.mock.timers.tick(60_000);
  assert.equal(sumOf(await gathered, 'requests_total'), 1);
});
