import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { counter, gauge, type MetricSnapshot } from './metrics.ts';

/** Milliseconds between two looks of the event loop's clock: what is shorter than that goes unseen. */
const resolution = 20;

/** What Node.js and the system tell of this process, under the names that dashboards know. */
export function createProcessMetrics(): {
  snapshots(): readonly MetricSnapshot[];
  stop(): void;
} {
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  return {
    snapshots() {
      const snapshots = [...usage(), ...eventLoop(delay)];
      delay.reset();
      return snapshots;
    },
    stop: () => delay.disable(),
  };
}

function usage(): MetricSnapshot[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  return [
    gauge('berth_processes', 'Processes of the server, with the one that supervises workers.', 1),
    counter(
      'process_cpu_seconds_total',
      'Processor time of all processes.',
      (user + system) / 1_000_000,
    ),
    gauge(
      'process_start_time_seconds',
      'When the oldest process started, in seconds since 1970.',
      performance.timeOrigin / 1000,
      'min',
    ),
    gauge('process_resident_memory_bytes', 'Resident memory of all processes.', rss),
    gauge('process_open_fds', 'Open files and connections of all processes.', openDescriptors()),
    gauge('nodejs_heap_size_total_bytes', 'Heap that JavaScript has taken.', heapTotal),
    gauge('nodejs_heap_size_used_bytes', 'Heap that JavaScript uses.', heapUsed),
    gauge('nodejs_external_memory_bytes', 'Memory of buffers outside that heap.', external),
  ];
}

function openDescriptors(): readonly { labels: Record<string, never>; value: number }[] {
  try {
    return [{ labels: {}, value: readdirSync('/proc/self/fd').length }];
  } catch {
    // Only Linux tells.
    return [];
  }
}

/** Since the scrape before. */
function eventLoop(delay: ReturnType<typeof monitorEventLoopDelay>): MetricSnapshot[] {
  const seconds = (nanoseconds: number) =>
    // Without a sample, Node.js answers with numbers that are none.
    delay.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - resolution / 1000);
  return [
    gauge(
      'nodejs_eventloop_lag_p50_seconds',
      'Half of all waits for the event loop since the last scrape were shorter.',
      seconds(delay.percentile(50)),
      'max',
    ),
    gauge(
      'nodejs_eventloop_lag_p99_seconds',
      'Of a hundred waits for the event loop since the last scrape, 99 were shorter.',
      seconds(delay.percentile(99)),
      'max',
    ),
    gauge(
      'nodejs_eventloop_lag_max_seconds',
      'The longest wait for the event loop since the last scrape.',
      seconds(delay.max),
      'max',
    ),
  ];
}
