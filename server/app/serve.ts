import { systemErrorCode } from '#lib/errors.ts';
import { type Flags, readConfig } from '#server/config/config.ts';
import { createLog } from '#server/telemetry/log.ts';
import { banner } from './banner.ts';
import { composeServer } from './compose.ts';
import { releaseStartMemory } from './memory.ts';

const drainMilliseconds = 25_000;

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
  const server = await composeServer(config, log);
  releaseStartMemory();
  try {
    const listener = await server.listener.listen({ host: config.host, port: config.port });
    process.stdout.write(banner(server, listener.port));
    log.info({ port: listener.port }, 'listening');
    const signal = await stopped;
    server.stopping();
    log.info({ signal }, 'stopping: requests under way may end');
    await listener.close({ drainMilliseconds });
  } catch (error) {
    if (systemErrorCode(error) !== 'EADDRINUSE') throw error;
    throw new Error(
      `Port ${config.port} is in use: stop the program that listens there, or choose another port with --port or BERTH_PORT.`,
    );
  } finally {
    await server.close();
  }
  log.info('stopped');
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
}
