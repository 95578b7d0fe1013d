import { setTimeout as wait } from 'node:timers/promises';
import type { AwaitedNode, ServerCalls } from '#contract/agent.ts';
import type { Log } from '../log.ts';

/** Tells the server which nodes are waited for: the newest, until it was heard. */
export interface WaitingReport {
  tell(left: readonly string[], nodes: readonly AwaitedNode[]): void;
  /** What was not heard by then is told no more. */
  end(): void;
}

export interface WaitingReportOptions {
  readonly send: ServerCalls['cluster.waits'];
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly retryMilliseconds?: number;
}

const longestList = 1_000;
const longestSentence = 2_048;

export function createWaitingReport(options: WaitingReportOptions): WaitingReport {
  const { send, log, signal, retryMilliseconds = 5_000 } = options;
  let due: Parameters<typeof send>[0] | undefined;
  let running = false;

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    while (due !== undefined && !signal.aborted) {
      const told = due;
      try {
        await send(told);
        if (due === told) due = undefined;
      } catch (error) {
        if (signal.aborted) break;
        log.failure('Saying which nodes the disconnection waits for', error);
        await wait(retryMilliseconds, undefined, { signal }).catch(() => undefined);
      }
    }
    running = false;
  }

  return {
    tell(left, nodes) {
      due = {
        left: left.slice(0, longestList).map(cut),
        nodes: nodes.slice(0, longestList).map(({ name, problem: { message, cure } }) => ({
          name,
          problem: { message: cut(message), cure: cut(cure) },
        })),
      };
      void run();
    },
    end() {
      due = undefined;
    },
  };
}

function cut(sentence: string): string {
  return sentence.slice(0, longestSentence);
}
