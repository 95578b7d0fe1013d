import { systemErrorCode } from '#lib/errors.ts';
import type { Config } from '#server/config/config.ts';
import type { RunningListener } from '#server/http/listener.ts';
import type { Log } from '#server/telemetry/log.ts';
import type { MetricSource } from '#server/telemetry/metrics.ts';
import { composeServer, type Server, type SharedByWorkers } from './compose.ts';
import { releaseMemory } from './memory.ts';

/** How long requests under way may go on once the server is told to stop. */
const drainMilliseconds = 25_000;

/** What is known once a process answers requests. Plain data. */
export interface Started {
  readonly port: number;
  /** Of the first admin, when this start created it with a password of its own making. */
  readonly firstPassword: string | undefined;
  readonly authorityFingerprint: string | undefined;
}

export interface Serving {
  readonly started: Started;
  readonly processMetrics: MetricSource;
  /** Takes no more connections, lets the requests under way end, and closes everything, once. */
  stop(): Promise<void>;
}

/** Composes the server of this process, and listens. */
export async function startServing(
  config: Config,
  log: Log,
  shared?: SharedByWorkers,
): Promise<Serving> {
  const server = await composeServer(config, log, shared);
  releaseMemory();
  const listener = await listen(server, config).catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  let ended: Promise<void> | undefined;
  const stop = async () => {
    server.stopping();
    await listener.close({ drainMilliseconds });
    await server.close();
  };
  return {
    started: {
      port: listener.port,
      firstPassword: server.firstPassword,
      authorityFingerprint: server.certificates.authorityFingerprint(),
    },
    processMetrics: server.processMetrics,
    stop() {
      ended ??= stop();
      return ended;
    },
  };
}

async function listen(server: Server, { host, port }: Config): Promise<RunningListener> {
  try {
    return await server.listener.listen({ host, port });
  } catch (error) {
    if (systemErrorCode(error) !== 'EADDRINUSE') throw error;
    throw new Error(
      `Port ${port} is in use: stop the program that listens there, or choose another port with --port or BERTH_PORT.`,
    );
  }
}
