import { median } from '../measuring/figures.ts';
import type { LoadResult } from '../measuring/wrk.ts';

export function medianOf<Result>(
  results: readonly Result[],
  of: (result: Result) => number,
): number {
  return median(results.map(of));
}

/** Latencies and the client's share, for people. */
export function describeLoad(results: readonly LoadResult[]): string {
  const p50 = medianOf(results, ({ latency }) => latency.p50);
  const p99 = medianOf(results, ({ latency }) => latency.p99);
  const share = medianOf(results, ({ clientShare }) => clientShare);
  return `p50 ${inMilliseconds(p50)}, p99 ${inMilliseconds(p99)}, client ${percent(share)}`;
}

export function inMilliseconds(milliseconds: number): string {
  return `${milliseconds.toPrecision(3)} ms`;
}

/** Of one core. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} % of a core`;
}

export function requestsPerSecond(result: LoadResult): number {
  return result.requestsPerSecond;
}

/** Of the server's processor time: what is left when the client is slower than the server. */
export function requestsPerCpuSecond({ requests, serverSeconds }: LoadResult): number {
  return requests / serverSeconds;
}

export function megabytes(bytes: number): number {
  return bytes / 1e6;
}
