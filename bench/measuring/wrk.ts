import { succeed } from '#test/processes.ts';
import { cpuSeconds, endedChildrenSeconds } from './processes.ts';

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Milliseconds. */
  readonly latency: { readonly mean: number; readonly p50: number; readonly p99: number };
  /** Of one core. */
  readonly clientShare: number;
  /** Of the server's processes. */
  readonly serverSeconds: number;
}

/**
 * Sends GET requests from one thread for some seconds.
 * @param pid of the server that answers
 * @throws {Error} where a request was not answered, or not with a 2xx
 */
export async function wrk(pid: number, load: Load): Promise<LoadResult> {
  const { url, connections, seconds, headers = {} } = load;
  const serverBefore = cpuSeconds(pid);
  const clientBefore = endedChildrenSeconds();
  const output = await succeed('wrk', [
    ...['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '30s'],
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    url,
  ]);
  const read = readOutput(output);
  return {
    ...read,
    clientShare: (endedChildrenSeconds() - clientBefore) / read.seconds,
    serverSeconds: cpuSeconds(pid) - serverBefore,
  };
}

/** @throws {Error} where a request failed */
export function readOutput(output: string) {
  const failed = /Non-2xx or 3xx responses: \d+|Socket errors: .*/.exec(output);
  if (failed !== null) throw new Error(`wrk: ${failed[0]}`);
  const total = /(\d+) requests in ([\d.]+)(us|ms|s|m), /.exec(output);
  const [, requests, length, unit] = total ?? [];
  if (requests === undefined || requests === '0') {
    throw new Error(`No request was answered:\n${output}`);
  }
  const seconds = milliseconds(length, unit) / 1000;
  const bytes = /Transfer\/sec:\s+([\d.]+)(B|KB|MB|GB)/.exec(output);
  const power = ['B', 'KB', 'MB', 'GB'].indexOf(bytes?.[2] ?? 'B');
  const timeOf = (label: string) => {
    const [, value, timeUnit] =
      new RegExp(`${label}\\s+([\\d.]+)(us|ms|s|m)\\b`).exec(output) ?? [];
    return milliseconds(value, timeUnit);
  };
  return {
    requests: Number(requests),
    seconds,
    requestsPerSecond: Number(requests) / seconds,
    bytesPerSecond: Number(bytes?.[1]) * 1024 ** power,
    latency: { mean: timeOf('Latency'), p50: timeOf('50%'), p99: timeOf('99%') },
  };
}

function milliseconds(value: string | undefined, unit = ''): number {
  const perUnit: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };
  return Number(value) * (perUnit[unit] ?? Number.NaN);
}
