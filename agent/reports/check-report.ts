import { setTimeout as wait } from 'node:timers/promises';
import type { AgentCheck } from '#contract/agent.ts';

/** The agent's checklist, told to the server as it changes. */
export interface CheckReport {
  set(check: AgentCheck): void;
  connected(): void;
}

export interface CheckReportOptions {
  readonly send: (checks: AgentCheck[]) => Promise<unknown>;
  readonly report: (error: unknown) => void;
  readonly signal: AbortSignal;
}

const gatherMilliseconds = 100;
const longestSentence = 2_048;

export function createCheckReport({ send, report, signal }: CheckReportOptions): CheckReport {
  const checks = new Map<AgentCheck['name'], AgentCheck>();
  let isConnected = false;
  let due = false;
  let running = false;

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    while (due && isConnected && !signal.aborted) {
      try {
        await wait(gatherMilliseconds, undefined, { signal });
        due = false;
        await send([...checks.values()]);
      } catch (error) {
        // All of them are told again after the next change, or when a connection opens.
        if (!signal.aborted) report(error);
      }
    }
    running = false;
  }

  return {
    set(check) {
      const cut = cutToLength(check);
      if (JSON.stringify(checks.get(check.name)) === JSON.stringify(cut)) return;
      checks.set(check.name, cut);
      due = true;
      void run();
    },
    connected() {
      isConnected = true;
      due = checks.size > 0;
      void run();
    },
  };
}

function cutToLength({ detail, problem, ...check }: AgentCheck): AgentCheck {
  return {
    ...check,
    ...(detail !== undefined && { detail: detail.slice(0, longestSentence) }),
    ...(problem !== undefined && {
      problem: {
        message: problem.message.slice(0, longestSentence),
        cure: problem.cure.slice(0, longestSentence),
      },
    }),
  };
}
