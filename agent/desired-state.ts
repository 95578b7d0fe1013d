import { setTimeout as wait } from 'node:timers/promises';
import type { DesiredState } from '#contract/agent.ts';
import type { Log } from './log.ts';
import type { AgentPart } from './part.ts';

const retryMilliseconds = 5_000;

/** Hands each part the newest state, one at a time, until it has brought it about. */
export interface DesiredStates {
  readonly current: DesiredState | undefined;
  set(desired: DesiredState): void;
  /** Nothing is brought about any more; resolves when what was under way has ended. */
  stop(): Promise<void>;
}

export function createDesiredStates(
  parts: readonly AgentPart[],
  log: Log,
  signal: AbortSignal,
): DesiredStates {
  let current: DesiredState | undefined;
  let changed = new AbortController();
  let stopped = false;
  const working = new Map<AgentPart, Promise<void>>();

  async function follow(part: AgentPart): Promise<void> {
    let done: DesiredState | undefined;
    while (current !== undefined && done !== current && !stopped && !signal.aborted) {
      const wanted = current;
      const newer = AbortSignal.any([signal, changed.signal]);
      try {
        await part.stateChanged(wanted);
        done = wanted;
      } catch (error) {
        if (stopped || signal.aborted) break;
        log.failure(`Bringing about what is wanted of ${part.name}`, error);
        await wait(retryMilliseconds, undefined, { signal: newer }).catch(() => undefined);
      }
    }
    working.delete(part);
  }

  function wake(): void {
    changed.abort();
    changed = new AbortController();
  }

  return {
    get current() {
      return current;
    },
    set(desired) {
      if (stopped || current?.revision === desired.revision) return;
      current = desired;
      wake();
      for (const part of parts) {
        if (!working.has(part)) working.set(part, follow(part));
      }
    },
    stop: async () => {
      stopped = true;
      wake();
      await Promise.all(working.values());
    },
  };
}
