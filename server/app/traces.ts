import type { Config } from '#server/config/config.ts';
import type { Log } from '#server/telemetry/log.ts';
import type { Traces } from '#server/telemetry/traces.ts';
import { version } from './version.ts';

/** Loads what traces need, where the server is told to trace. */
export async function openTraces(
  { traces: settings }: Config,
  log: Log,
): Promise<Traces | undefined> {
  if (settings === undefined) return undefined;
  const { startTraces } = await import('#server/telemetry/open-telemetry.ts');
  return startTraces({
    settings,
    version,
    onChange: (problem) =>
      problem === undefined
        ? log.info('traces reach their collector again')
        : log.warn({ err: problem }, `traces do not reach ${settings.url}: they are dropped`),
  });
}
