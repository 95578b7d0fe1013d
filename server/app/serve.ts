import { constants } from 'node:os';
import { type Config, type Flags, readConfig } from '#server/config/config.ts';
import { createLog, type Log } from '#server/telemetry/log.ts';
import { banner } from './banner.ts';

/**
 * Runs the server until it is told to stop.
 * @throws {InvalidSetting | Refusal | Error} a sentence for the operator, when it cannot start
 */
export async function serve(flags: Flags): Promise<void> {
  // From the first moment on: a signal during the start is obeyed once the start is done.
  const stopped = stopSignal();
  const config = await readConfig(flags);
  const log = createLog(config.logLevel);
  for (const name of config.unknownVariables) {
    log.warn(`${name} is no setting of Berth: check its spelling`);
  }
  const running = await start(config, log);
  process.stdout.write(banner(config, running.started));
  log.info({ port: running.started.port }, 'listening');
  const signal = await Promise.race([stopped, running.failed]);
  log.info({ signal }, 'stopping: requests under way may end');
  await running.stop();
  log.info('stopped');
}

// What the other way of serving needs is not loaded.
async function start(config: Config, log: Log) {
  if (config.workers > 1) {
    const { startWorkers } = await import('./workers/supervisor.ts');
    return startWorkers(config, log);
  }
  const { startServing } = await import('./serving.ts');
  return { ...(await startServing(config, log)), failed: new Promise<never>(() => {}) };
}

/** Resolves with the first signal to stop; the second one ends the process at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const obey = (signal: NodeJS.Signals) => {
      if (asked) process.exit(128 + constants.signals[signal]);
      asked = true;
      resolve(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, obey);
  });
}
