import type { Database } from '#server/database/database.ts';
import type { BerthEvent } from './events.ts';
import {
  type ClaimedEvent,
  claimEvents,
  maximumAttempts,
  renewEvents,
  settleEvents,
} from './outbox-writes.ts';

export { eventWrites, maximumAttempts } from './outbox-writes.ts';

/**
 * Hears of every event at least once, in no promised order, and maybe in several processes: it has
 * to be idempotent. What it throws makes the event come again, to every subscriber, after a while.
 */
export interface Subscriber {
  /** For the log. */
  readonly name: string;
  hear(event: BerthEvent): Promise<void>;
}

/** An event that a subscriber failed to take, or the outbox itself that failed to look (no `event`). */
export interface OutboxFailure {
  readonly error: unknown;
  readonly subscriber?: string;
  readonly event?: BerthEvent;
  /** True when the event is left aside for good. */
  readonly givenUp: boolean;
}

export interface Outbox {
  /** Looks from now on for events of every process. */
  start(): void;
  /** Looks at once: to be called after an event was written here. */
  wake(): void;
  /** Resolves when no event is due, as far as the database answers, and none is with a subscriber here. */
  settled(): Promise<void>;
  /** Finishes the event at hand and gives back what it has claimed beyond that. */
  stop(): Promise<void>;
}

const leaseMilliseconds = 60_000;
const eventsAtOnce = 32;
const longestWait = 5 * 60_000;

/** Brings what is in the outbox to those who want to hear of it. */
export function createOutbox(options: {
  database: Database;
  subscribers: readonly Subscriber[];
  report: (failure: OutboxFailure) => void;
  now: () => number;
  /** Between two looks for other processes' events, in milliseconds. */
  interval?: number;
}): Outbox {
  const { database, subscribers, report, now, interval = 1_500 } = options;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let again = false;
  let running: Promise<boolean> | undefined;

  const anyDue = database.prepare<[now: number], { id: number }>((read, argument) =>
    read
      .selectFrom('events')
      .select('id')
      .where('lease_until', '<=', argument<number>(0))
      .where('attempts', '<', maximumAttempts)
      .limit(1),
  );

  function wake(): void {
    if (stopped) return;
    again = true;
    running ??= drain().finally(() => {
      running = undefined;
    });
  }

  /** False when the database failed: the next look may fare better. */
  async function drain(): Promise<boolean> {
    while (again && !stopped) {
      again = false;
      try {
        while (!stopped && (await anyDue(now())) !== undefined) {
          const time = now();
          const events = await database.write(claimEvents, {
            now: time,
            leaseUntil: time + leaseMilliseconds,
            limit: eventsAtOnce,
          });
          if (events.length === 0) break;
          await bring(events);
        }
      } catch (error) {
        report({ error, givenUp: false });
        return false;
      }
    }
    return true;
  }

  async function bring(events: readonly ClaimedEvent[]): Promise<void> {
    const ids = events.map(({ id }) => id);
    const renewal = setInterval(() => {
      database
        .write(renewEvents, { ids, leaseUntil: now() + leaseMilliseconds })
        .catch((error) => report({ error, givenUp: false }));
    }, leaseMilliseconds / 3);
    const heard: number[] = [];
    const failed: { id: number; retryAt: number | 'never' }[] = [];
    const untouched: number[] = [];
    try {
      for (const claimed of events) {
        if (stopped) untouched.push(claimed.id);
        else if (await tell(claimed)) heard.push(claimed.id);
        else failed.push({ id: claimed.id, retryAt: retryTime(claimed.attempts) });
      }
    } finally {
      clearInterval(renewal);
    }
    await database.write(settleEvents, { heard, failed, untouched });
  }

  /** True when every subscriber took the event. One that fails does not keep it from the others. */
  async function tell({ type, payload, attempts }: ClaimedEvent): Promise<boolean> {
    const event = { type, ...JSON.parse(payload) } as BerthEvent;
    let taken = true;
    for (const subscriber of subscribers) {
      try {
        await subscriber.hear(event);
      } catch (error) {
        taken = false;
        report({
          error,
          event,
          subscriber: subscriber.name,
          givenUp: attempts >= maximumAttempts,
        });
      }
    }
    return taken;
  }

  function retryTime(attempts: number): number | 'never' {
    if (attempts >= maximumAttempts) return 'never';
    return now() + Math.min(1_000 * 4 ** (attempts - 1), longestWait);
  }

  return {
    wake,
    start() {
      timer ??= setInterval(wake, interval);
      timer.unref();
      wake();
    },
    async settled() {
      let looksAgain = true;
      while (looksAgain) {
        wake();
        const reached = await running;
        looksAgain = reached === true && !stopped && (await anyDue(now())) !== undefined;
      }
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
