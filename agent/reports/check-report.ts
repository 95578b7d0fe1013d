import { setTimeout as wait } from 'node:timers/promises';
import type { AgentCheck } from '#contract/agent.ts';

/** The agent's checklist, told to the server as it changes. */
export interface CheckReport {
  set(check: AgentCheck): void;
  /** Resolves once the server was told of all that was set, or could not be. */
  told(): Promise<void>;
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
  let running: Promise<void> | undefined;

  const isWanted = () => due && isConnected && !signal.aborted;

  function run(): void {
    running ??= sendAll().finally(() => {
      running = undefined;
      if (isWanted()) run();
    });
  }

  async function sendAll(): Promise<void> {
    while (isWanted()) {
      try {
        await wait(gatherMilliseconds, undefined, { signal });
        due = false;
        await send([...checks.values()]);
      } catch (error) {
        // All of them are told again after the next change, or when a connection opens.
        if (!signal.aborted) report(error);
      }
    }
  }

  return {
    set(check) {
      const cut = cutToLength(check);
      if (JSON.stringify(checks.get(check.name)) === JSON.stringify(cut)) return;
      checks.set(check.name, cut);
      due = true;
      run();
    },
    told: async () => {
      while (running !== undefined) await running;
    },
    connected() {
      isConnected = true;
      due = checks.size > 0;
      run();
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
