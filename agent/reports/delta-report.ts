import { setTimeout as wait } from 'node:timers/promises';

/** What changed of some named things, told to the server in batches. */
export interface DeltaReport {
  /** That one is new, changed or gone. */
  touch(name: string): void;
  /** The server knows nothing yet: everything is told. */
  connected(): void;
}

export interface Delta<Item> {
  readonly complete: boolean;
  readonly from?: string;
  readonly until?: string;
  readonly changed: Item[];
  readonly removed: string[];
}

export interface DeltaReportOptions<Item> {
  readonly names: () => Iterable<string>;
  /** Undefined for what is gone. */
  readonly read: (name: string) => Item | undefined;
  readonly send: (delta: Delta<Item>) => Promise<unknown>;
  /** Everything was told and taken. */
  readonly complete: () => void;
  readonly report: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** What comes within that long goes as one message. */
const gatherMilliseconds = 100;
const retryMilliseconds = 5_000;
/** Of one message: far below what a message may hold, with the longest labels. */
const mostItems = 100;

export function createDeltaReport<Item>(options: DeltaReportOptions<Item>): DeltaReport {
  const { names, read, send, complete, report, signal } = options;
  const touched = new Set<string>();
  let everything = false;
  let isConnected = false;
  let running = false;
  let reconnected = new AbortController();

  async function sendTouched(): Promise<void> {
    const batch = [...touched].slice(0, mostItems);
    for (const name of batch) touched.delete(name);
    const changed: Item[] = [];
    const removed: string[] = [];
    for (const name of batch) {
      const item = read(name);
      if (item === undefined) removed.push(name);
      else changed.push(item);
    }
    await send({ complete: false, changed, removed });
  }

  async function sendEverything(): Promise<void> {
    everything = false;
    touched.clear();
    const sorted = [...names()].sort();
    let from: string | undefined;
    do {
      const begin = from === undefined ? 0 : sorted.indexOf(from);
      const until = sorted[begin + mostItems];
      await send({
        complete: true,
        ...(from !== undefined && { from }),
        ...(until !== undefined && { until }),
        changed: sorted
          .slice(begin, begin + mostItems)
          .map(read)
          .filter((item) => item !== undefined),
        removed: [],
      });
      from = until;
    } while (from !== undefined);
    complete();
  }

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    while (isConnected && (everything || touched.size > 0) && !signal.aborted) {
      try {
        await wait(gatherMilliseconds, undefined, { signal });
        if (everything) await sendEverything();
        else await sendTouched();
      } catch (error) {
        if (signal.aborted) break;
        // What was on its way is told again, with all the rest.
        everything = true;
        report(error);
        const woken = AbortSignal.any([signal, reconnected.signal]);
        await wait(retryMilliseconds, undefined, { signal: woken }).catch(() => undefined);
      }
    }
    running = false;
  }

  return {
    touch(name) {
      touched.add(name);
      void run();
    },
    connected() {
      isConnected = true;
      everything = true;
      reconnected.abort();
      reconnected = new AbortController();
      void run();
    },
  };
}
