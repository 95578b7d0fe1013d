import { setTimeout as wait } from 'node:timers/promises';

export interface StatusReaderOptions {
  /** Reads what a node says; resolves with the milliseconds until it is to be asked again. */
  readonly read: (node: string) => Promise<number>;
  readonly report: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Asks nodes, a few at a time, each when it is due. */
export interface StatusReader {
  /** Asks it next, and not when it would be due. */
  hurry(node: string): void;
  forget(node: string): void;
}

const mostAtOnce = 8;
const retryMilliseconds = 10_000;

export function createStatusReader({ read, report, signal }: StatusReaderOptions): StatusReader {
  const timers = new Map<string, NodeJS.Timeout>();
  const waiting = new Set<string>();
  const reading = new Set<string>();

  function later(node: string, milliseconds: number): void {
    clearTimeout(timers.get(node));
    timers.set(
      node,
      setTimeout(() => hurry(node), milliseconds),
    );
  }

  function hurry(node: string): void {
    if (signal.aborted) return;
    clearTimeout(timers.get(node));
    timers.delete(node);
    waiting.add(node);
    next();
  }

  function next(): void {
    for (const node of waiting) {
      if (reading.size >= mostAtOnce) return;
      if (reading.has(node)) continue;
      waiting.delete(node);
      reading.add(node);
      void ask(node);
    }
  }

  async function ask(node: string): Promise<void> {
    let due = retryMilliseconds;
    try {
      due = await read(node);
    } catch (error) {
      if (!signal.aborted) report(error);
    }
    reading.delete(node);
    if (signal.aborted) return;
    if (!waiting.has(node) && due > 0) later(node, due);
    // Others may have waited for this one, or this one for itself.
    await wait(0);
    next();
  }

  signal.addEventListener('abort', () => {
    for (const timer of timers.values()) clearTimeout(timer);
  });
  return {
    hurry,
    forget(node) {
      clearTimeout(timers.get(node));
      timers.delete(node);
      waiting.delete(node);
    },
  };
}
