export interface WorkQueueOptions {
  /** Keys worked on at one time; one key never twice. */
  readonly concurrency: number;
  /** Milliseconds before a key that failed is tried again: the first pause, doubled up to the last. */
  readonly pauses: { readonly first: number; readonly last: number };
  /** A rejection is a failure: the key is tried again. */
  readonly work: (key: string) => Promise<void>;
}

/**
 * Works on keys in the order they come. A key that fails waits outside the queue, so that it keeps
 * none of the others waiting; one that is added while it is worked on is worked on once more.
 */
export interface WorkQueue {
  add(key: string): void;
  /** Tries those that failed at once, as whatever kept them from succeeding may be over. */
  retryAll(): void;
  /** Forgets that a key failed. */
  forget(key: string): void;
  /** Resolves when each key has succeeded or failed since it was last added. */
  settled(): Promise<void>;
  close(): void;
}

interface Failure {
  readonly times: number;
  readonly timer: NodeJS.Timeout;
}

export function createWorkQueue({ concurrency, pauses, work }: WorkQueueOptions): WorkQueue {
  const waiting = new Set<string>();
  const underWay = new Set<string>();
  const again = new Set<string>();
  const failures = new Map<string, Failure>();
  let watchers: (() => void)[] = [];
  let closed = false;

  function add(key: string): void {
    if (closed) return;
    if (underWay.has(key)) again.add(key);
    else waiting.add(key);
    advance();
  }

  function advance(): void {
    for (const key of waiting) {
      if (underWay.size >= concurrency) return;
      waiting.delete(key);
      underWay.add(key);
      void attempt(key);
    }
    if (underWay.size > 0) return;
    const settled = watchers;
    watchers = [];
    for (const watcher of settled) watcher();
  }

  async function attempt(key: string): Promise<void> {
    const failed = await work(key).then(
      () => false,
      () => true,
    );
    underWay.delete(key);
    const earlier = failures.get(key);
    clearTimeout(earlier?.timer);
    failures.delete(key);
    if (failed && !closed) {
      const times = (earlier?.times ?? 0) + 1;
      const pause = Math.min(pauses.first * 2 ** (times - 1), pauses.last);
      failures.set(key, { times, timer: setTimeout(() => add(key), pause) });
    }
    if (again.delete(key)) add(key);
    else advance();
  }

  return {
    add,
    retryAll() {
      for (const key of failures.keys()) add(key);
    },
    forget(key) {
      clearTimeout(failures.get(key)?.timer);
      failures.delete(key);
    },
    settled() {
      if (underWay.size === 0 && waiting.size === 0) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      watchers.push(resolve);
      return promise;
    },
    close() {
      closed = true;
      waiting.clear();
      again.clear();
      for (const { timer } of failures.values()) clearTimeout(timer);
      failures.clear();
      advance();
    },
  };
}
