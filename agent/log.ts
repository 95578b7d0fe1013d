/** Lines of JSON on standard output, as `kubectl logs` shows them. */
export interface Log {
  info(message: string, details?: Readonly<Record<string, unknown>>): void;
  /** The same failure in a row is told once, and then once a minute with how often it came. */
  failure(what: string, error: unknown): void;
}

const repeatMilliseconds = 60_000;
const mostRemembered = 100;

export function createLog(write: (line: string) => void): Log {
  const told = new Map<string, { at: number; more: number }>();

  function line(level: string, message: string, details: object): void {
    write(`${JSON.stringify({ level, time: new Date().toISOString(), message, ...details })}\n`);
  }

  return {
    info: (message, details = {}) => line('info', message, details),
    failure(what, error) {
      const reason = error instanceof Error ? error.message : String(error);
      const key = `${what}: ${reason}`;
      const before = told.get(key);
      if (before !== undefined && performance.now() - before.at < repeatMilliseconds) {
        before.more += 1;
        return;
      }
      if (told.size >= mostRemembered) told.clear();
      told.set(key, { at: performance.now(), more: 0 });
      line('error', `${what}: ${reason}`, before?.more ? { repeated: before.more } : {});
    },
  };
}
