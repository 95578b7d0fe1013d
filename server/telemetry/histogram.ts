import type { Labels, MetricSnapshot, MetricValue } from './metrics.ts';

/** Seconds: a manifest is answered within the first, a large blob within the last. */
const durationBuckets: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

/** Counts of durations in one array, a row for each combination of labels. */
export interface Durations {
  observe(row: number, seconds: number): void;
  /** Rows that have seen nothing are left out. */
  snapshot(name: string, help: string, labelsOf: (row: number) => Labels): MetricSnapshot;
}

export function createDurations(rows: number, buckets = durationBuckets): Durations {
  const width = buckets.length + 1;
  const counts = new Float64Array(rows * width);
  const sums = new Float64Array(rows);

  function valuesOf(name: string, row: number, labels: Labels): MetricValue[] {
    const values: MetricValue[] = [];
    let seen = 0;
    for (let bucket = 0; bucket < width; bucket += 1) {
      seen += counts[row * width + bucket] ?? 0;
      const le = buckets[bucket] ?? '+Inf';
      values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: seen });
    }
    if (seen === 0) return [];
    values.push({ metricName: `${name}_sum`, labels, value: sums[row] ?? 0 });
    values.push({ metricName: `${name}_count`, labels, value: seen });
    return values;
  }

  return {
    observe(row, seconds) {
      let bucket = 0;
      while (bucket < buckets.length && seconds > (buckets[bucket] ?? 0)) bucket += 1;
      counts[row * width + bucket] = (counts[row * width + bucket] ?? 0) + 1;
      sums[row] = (sums[row] ?? 0) + seconds;
    },
    snapshot: (name, help, labelsOf) => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: Array.from({ length: rows }, (_, row) => valuesOf(name, row, labelsOf(row))).flat(),
    }),
  };
}
