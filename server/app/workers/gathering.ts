import { counter, type MetricSnapshot } from '#server/telemetry/metrics.ts';

/** A worker that is busy for longer is told of with what it said before. */
const longestWait = 2_000;

/** What can be asked for its metrics. */
export interface Asked {
  processMetrics(): Promise<readonly MetricSnapshot[]>;
}

type Snapshots = readonly MetricSnapshot[];

/**
 * Asks all processes for their metrics. What workers counted before they ended still counts: a sum
 * that fell would look as if the server had started again.
 */
export function createGathering(
  workers: () => readonly Asked[],
  own: { snapshots(): Snapshots; stop(): void },
) {
  const last = new Map<Asked, Snapshots>();
  let departed: Snapshots = [];
  let ends = 0;

  async function ask(worker: Asked): Promise<Snapshots> {
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), longestWait);
    try {
      const told = await Promise.race([worker.processMetrics(), late.promise]);
      if (told !== undefined) last.set(worker, told);
    } catch {
      // It has just ended.
    } finally {
      clearTimeout(timer);
    }
    return last.get(worker) ?? [];
  }

  return {
    async gather(): Promise<Snapshots[]> {
      const told = await Promise.all(workers().map(ask));
      const replaced = counter(
        'berth_workers_ended_total',
        'Worker processes that ended and were replaced.',
        ends,
      );
      return [...told, departed, [...own.snapshots(), replaced]];
    },
    ended(worker: Asked): void {
      ends += 1;
      departed = sumOfCounts(departed, last.get(worker) ?? []);
      last.delete(worker);
    },
    stop: () => own.stop(),
  };
}

function sumOfCounts(one: Snapshots, other: Snapshots): Snapshots {
  const sums = new Map<string, MetricSnapshot>(one.map((snapshot) => [snapshot.name, snapshot]));
  for (const snapshot of other) {
    if (snapshot.type === 'gauge') continue;
    const before = sums.get(snapshot.name);
    sums.set(snapshot.name, before === undefined ? snapshot : add(before, snapshot));
  }
  return [...sums.values()];
}

function add(one: MetricSnapshot, other: MetricSnapshot): MetricSnapshot {
  const values = new Map(one.values.map((value) => [keyOf(value), value]));
  for (const value of other.values) {
    const before = values.get(keyOf(value));
    values.set(keyOf(value), { ...value, value: value.value + (before?.value ?? 0) });
  }
  return { ...one, values: [...values.values()] };
}

function keyOf({ metricName, labels }: MetricSnapshot['values'][number]): string {
  return JSON.stringify([metricName, Object.entries(labels).sort()]);
}
