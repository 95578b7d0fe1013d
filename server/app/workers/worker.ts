import cluster from 'node:cluster';
import type { Config } from '#server/config/config.ts';
import type { MetricSnapshot } from '#server/telemetry/metrics.ts';
import type { Started } from '../serving.ts';
import type { SentConfig, SupervisorMethods, WorkerMethods } from './methods.ts';
import { connectPeer } from './peer.ts';

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A worker process, as its supervisor sees it. */
export interface Worker {
  readonly pid: number | undefined;
  /** Rejects with a sentence when the worker cannot serve. */
  readonly started: Promise<Started>;
  readonly ended: Promise<WorkerEnd>;
  processMetrics(): Promise<readonly MetricSnapshot[]>;
  /** Lets its requests end; resolves when the process has ended. */
  stop(): Promise<void>;
  kill(): void;
}

/** Starts a process that serves; the number of its start order says which place it takes. */
export function startWorker(order: {
  readonly config: Config;
  readonly sweeps: boolean;
  readonly methods: SupervisorMethods;
}): Worker {
  const child = cluster.fork();
  const ended = new Promise<WorkerEnd>((resolve) => {
    child.once('exit', (code: number | null, signal: string | null) => resolve({ code, signal }));
  });
  const peer = connectPeer<WorkerMethods>(
    child.process,
    { ...order.methods },
    'A worker process has ended: look for its last words on the standard error.',
  );
  const started = peer.call('start', { config: sent(order.config), sweeps: order.sweeps });
  // Whoever starts a worker asks, but maybe not before it has failed.
  started.catch(() => {});
  return {
    pid: child.process.pid,
    started,
    ended,
    processMetrics: () => peer.call('processMetrics'),
    async stop() {
      // One that has just died needs no telling.
      await peer.call('stop').catch(() => {});
      if (child.process.connected) child.process.disconnect();
      await ended;
    },
    kill: () => void child.process.kill('SIGKILL'),
  };
}

function sent(config: Config): SentConfig {
  return { ...config, publicUrl: config.publicUrl.href };
}
