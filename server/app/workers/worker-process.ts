import cluster from 'node:cluster';
import type { LimitFailures } from '#features/auth';
import type { Config } from '#server/config/config.ts';
import type { Writer } from '#server/database/sqlite/writer.ts';
import { TooManyRequests } from '#server/http/status.ts';
import { createLog, type Log } from '#server/telemetry/log.ts';
import { type Serving, startServing } from '../serving.ts';
import type { StartOrder, SupervisorMethods, WorkerMethods } from './methods.ts';
import { connectPeer, type Peer } from './peer.ts';

const gone =
  'The process that writes the database has ended: what it had not acknowledged may be lost. Try again in a moment.';

let serving: Serving | undefined;
let log: Log | undefined;
let stopped = false;

const methods: WorkerMethods = {
  async start({ config, sweeps }: StartOrder) {
    const own: Config = { ...config, publicUrl: new URL(config.publicUrl) };
    log = createLog(own.logLevel);
    serving = await startServing(own, log, {
      writer: own.databaseUrl === undefined ? writerOver(supervisor) : undefined,
      limitFailures: limitFailuresOver(supervisor),
      gatherProcesses: () => supervisor.call('gatherProcesses'),
      sweeps,
    });
    return serving.started;
  },
  processMetrics: async () => (await serving?.processMetrics()) ?? [],
  stop: async () => {
    await serving?.stop();
    stopped = true;
  },
};

const supervisor: Peer<SupervisorMethods> = connectPeer<SupervisorMethods>(
  process,
  { ...methods },
  gone,
);

// The supervisor gets them too, and says when its workers stop.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

cluster.worker?.once('disconnect', async () => {
  // Or node:cluster ends the process at once, and its requests with it.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
  if (stopped) process.exit(0);
  log?.error(
    'the supervising process has ended: requests under way may end, then this worker does',
  );
  await serving?.stop();
  process.exit(1);
});

function writerOver(peer: Peer<SupervisorMethods>): Writer {
  const underWay = new Set<Promise<unknown>>();
  return {
    run(name, input) {
      const written = peer.call('write', { name, input });
      underWay.add(written);
      const ended = () => underWay.delete(written);
      written.then(ended, ended);
      return written;
    },
    async close() {
      await Promise.allSettled(underWay);
    },
  };
}

function limitFailuresOver(peer: Peer<SupervisorMethods>): LimitFailures {
  return (kind, options) => ({
    async count(name, address) {
      const tooMany = await peer.call('countFailure', { kind, options, name, address });
      if (tooMany !== undefined)
        throw new TooManyRequests(tooMany.message, tooMany.retryAfterSeconds);
    },
    forgive: (name, address) => peer.call('forgiveFailure', { kind, options, name, address }),
  });
}
