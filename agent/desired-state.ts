import { setTimeout as wait } from 'node:timers/promises';
import type { DesiredState } from '#contract/agent.ts';
import type { Log } from './log.ts';
import type { AgentPart } from './part.ts';

const retryMilliseconds = 5_000;

/** Hands each part the newest state, one at a time, until it has brought it about. */
export interface DesiredStates {
  readonly current: DesiredState | undefined;
  set(desired: DesiredState): void;
}

export function createDesiredStates(
  parts: readonly AgentPart[],
  log: Log,
  signal: AbortSignal,
): DesiredStates {
  let current: DesiredState | undefined;
  let changed = new AbortController();
  const busy = new Set<AgentPart>();

  async function follow(part: AgentPart): Promise<void> {
    if (busy.has(part)) return;
    busy.add(part);
    let done: DesiredState | undefined;
    while (current !== undefined && done !== current && !signal.aborted) {
      const wanted = current;
      const newer = AbortSignal.any([signal, changed.signal]);
      try {
        await part.stateChanged(wanted);
        done = wanted;
      } catch (error) {
        if (signal.aborted) break;
        log.failure(`Bringing about what is wanted of ${part.name}`, error);
        await wait(retryMilliseconds, undefined, { signal: newer }).catch(() => undefined);
      }
    }
    busy.delete(part);
  }

  return {
    get current() {
      return current;
    },
    set(desired) {
      if (current?.revision === desired.revision) return;
      current = desired;
      changed.abort();
      changed = new AbortController();
      for (const part of parts) void follow(part);
    },
  };
}
