import { setTimeout as wait } from 'node:timers/promises';

export interface Replanning {
  /** Plans anew, once for all who ask within a while. */
  soon(): void;
}

const gatherMilliseconds = 2_000;
/** Nodes that nothing can be found for are not looked at more often than that. */
const restMilliseconds = 10_000;

export function createReplanning(options: {
  readonly plan: () => Promise<void>;
  readonly report: (error: unknown) => void;
  readonly signal: AbortSignal;
}): Replanning {
  const { plan, report, signal } = options;
  let asked = false;
  let running = false;

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    while (asked && !signal.aborted) {
      try {
        await wait(gatherMilliseconds, undefined, { signal });
        asked = false;
        await plan();
        await wait(restMilliseconds, undefined, { signal });
      } catch (error) {
        if (signal.aborted) return;
        report(error);
        asked = true;
      }
    }
    running = false;
  }

  return {
    soon() {
      asked = true;
      void run();
    },
  };
}
