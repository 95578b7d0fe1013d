import cluster from 'node:cluster';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '#server/config/config.ts';
import type { Log } from '#server/telemetry/log.ts';
import { createProcessMetrics } from '#server/telemetry/process-metrics.ts';
import { releaseMemory } from '../memory.ts';
import type { Started } from '../serving.ts';
import { openSharedWriter } from '../storage.ts';
import { createSharedFailures } from './failures.ts';
import { createGathering } from './gathering.ts';
import type { SupervisorMethods } from './methods.ts';
import { startWorker, type Worker } from './worker.ts';

/** Longer than a worker lets its requests go on. */
const longestStop = 30_000;
/** A worker that served for so long was none that cannot start. */
const settled = 60_000;
const firstPause = 100;
const longestPause = 10_000;
/** In a row, of a worker that has never listened. */
const mostFailedStarts = 5;

export interface RunningWorkers {
  readonly started: Started;
  /** Rejects when workers cannot be kept running; they have ended by then. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/**
 * Starts the workers and keeps them running. This process answers no request: it holds what there
 * is once, which is the thread that writes SQLite and the counts of failures to sign in.
 */
export async function startWorkers(config: Config, log: Log): Promise<RunningWorkers> {
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./worker-process.ts', import.meta.url)),
    args: [],
    serialization: 'advanced',
  });
  // One queue of connections for all: what a worker had not accepted when it died, the next accepts.
  cluster.schedulingPolicy = cluster.SCHED_NONE;

  const writer = await openSharedWriter(config, (error) => {
    log.fatal({ err: error }, 'the database writer ended: the process stops, start it again');
    process.exit(1);
  });
  const running = new Map<number, Worker>();
  const gathering = createGathering(() => [...running.values()], createProcessMetrics());
  const methods: SupervisorMethods = {
    ...createSharedFailures(),
    gatherProcesses: gathering.gather,
    async write({ name, input }) {
      if (writer === undefined) throw new Error('Every worker writes PostgreSQL by itself');
      return writer.run(name, input);
    },
  };
  const stopping = new AbortController();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const killAll = () => {
    for (const worker of running.values()) worker.kill();
  };
  process.on('exit', killAll);

  function launch(place: number): Worker {
    const worker = startWorker({ config, methods, sweeps: place === 1 });
    running.set(place, worker);
    void worker.ended.then(() => {
      if (running.get(place) === worker) running.delete(place);
      gathering.ended(worker);
    });
    return worker;
  }

  /** Holds a place: whenever its worker ends, another one takes it. */
  async function keep(place: number, first: Worker): Promise<void> {
    let failures = 0;
    for (let worker = first; ; worker = launch(place)) {
      const since = Date.now();
      const problem = await startProblem(worker);
      const { code, signal } = await worker.ended;
      if (stopping.signal.aborted) return;
      failures = problem === undefined && Date.now() - since >= settled ? 1 : failures + 1;
      if (problem !== undefined && failures >= mostFailedStarts) throw problem;
      const milliseconds = Math.min(longestPause, firstPause * 2 ** (failures - 1));
      log.error(
        {
          worker: place,
          pid: worker.pid,
          code,
          signal,
          ...(problem !== undefined && { err: problem }),
        },
        `a worker ended: another one takes its place in ${milliseconds} ms`,
      );
      await pause(milliseconds, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
    }
  }

  async function stop(): Promise<void> {
    stopping.abort();
    const deadline = setTimeout(killAll, longestStop);
    await Promise.all([...running.values()].map((worker) => worker.stop()));
    clearTimeout(deadline);
    process.removeListener('exit', killAll);
    gathering.stop();
    await writer?.close();
  }

  // The first one alone: it migrates PostgreSQL, makes the secrets and the first admin.
  try {
    const first = launch(1);
    const started = await first.started;
    const others = Array.from({ length: config.workers - 1 }, (_, at) => launch(at + 2));
    await Promise.all(others.map((worker) => worker.started));
    [first, ...others].forEach((worker, at) => {
      keep(at + 1, worker).catch(async (problem) => {
        await stop();
        failed.reject(problem);
      });
    });
    releaseMemory();
    return { started, failed: failed.promise, stop };
  } catch (error) {
    killAll();
    await stop();
    throw error;
  }
}

/** Why a worker does not serve; undefined once it does. One that failed to start is ended. */
async function startProblem(worker: Worker): Promise<unknown> {
  try {
    await worker.started;
    return undefined;
  } catch (error) {
    worker.kill();
    return error;
  }
}
