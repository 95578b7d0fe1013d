/** One metric at one moment: plain data, so that processes can send it to each other. */
export interface MetricSnapshot {
  readonly name: string;
  /** A sentence for whoever reads it in Prometheus. */
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What several processes that tell the same metric make together. */
  readonly aggregator: Aggregator;
  readonly values: readonly MetricValue[];
}

export type Aggregator = 'sum' | 'max' | 'min';

export type Labels = Readonly<Record<string, string | number>>;

export interface MetricValue {
  readonly labels: Labels;
  readonly value: number;
  /** Of the parts of a histogram, which have names of their own. */
  readonly metricName?: string;
}

/** Tells metrics when it is asked, and costs nothing in between. */
export type MetricSource = () => readonly MetricSnapshot[] | Promise<readonly MetricSnapshot[]>;

/** What each process of the server tells of itself: one list a process. */
export type GatherProcesses = () => Promise<readonly (readonly MetricSnapshot[])[]>;

/** A count that only grows, `…_total`. */
export function counter(
  name: `${string}_total`,
  help: string,
  values: number | readonly MetricValue[],
): MetricSnapshot {
  return { name, help, type: 'counter', aggregator: 'sum', values: valuesOf(values) };
}

export function gauge(
  name: string,
  help: string,
  values: number | readonly MetricValue[],
  aggregator: Aggregator = 'sum',
): MetricSnapshot {
  return { name, help, type: 'gauge', aggregator, values: valuesOf(values) };
}

function valuesOf(values: number | readonly MetricValue[]): readonly MetricValue[] {
  return typeof values === 'number' ? [{ labels: {}, value: values }] : values;
}

/** Asks every source. */
export async function collect(sources: readonly MetricSource[]): Promise<MetricSnapshot[]> {
  return (await Promise.all(sources.map((source) => source()))).flat();
}

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Adds up what processes told, and writes it in the text format of Prometheus. */
export async function renderMetrics(
  processes: readonly (readonly MetricSnapshot[])[],
): Promise<string> {
  // Loaded by the first scrape: a server that nobody scrapes does not hold it in memory.
  // Of a CommonJS module, a bundle knows the default export only.
  const { default: prometheus } = await import('prom-client');
  return prometheus.AggregatorRegistry.aggregate([...processes]).metrics();
}
