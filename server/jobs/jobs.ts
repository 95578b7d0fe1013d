import { randomUUID } from 'node:crypto';
import type { Database } from '#server/database/database.ts';
import { type Attempt, attempt } from './attempt.ts';
import { nextTime } from './cron.ts';
import type { FinishedAttempt, Job, JobHandler } from './job.ts';
import { cancelJob, claimJob, type SubmittedJob, submitJob } from './job-writes.ts';
import { dueJobOf, dueSchedules, findJob, findSchedule, listJobs } from './queries.ts';
import { advanceSchedule, removeSchedule, setSchedule } from './schedule-writes.ts';

export type { FinishedAttempt, Job, JobHandler, JobProgress } from './job.ts';

/** How often a job is begun before it has failed. */
export const maximumAttempts = 5;
const firstPause = 10_000;
const longestPause = 10 * 60_000;

export interface JobSubmission {
  readonly kind: string;
  /** One job of a slot is open at a time. */
  readonly slot?: string;
  readonly input: unknown;
}

export interface Schedule {
  readonly input: unknown;
  /** Six fields, in UTC. */
  readonly cron: string;
  readonly nextAt: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Work in the background: kept in the database, done once whatever number of processes share it. */
export interface Jobs {
  submit(submission: JobSubmission): Promise<SubmittedJob>;
  find(kind: string, id: number): Promise<Job | undefined>;
  /** The newest first. Finished ones are kept up to a number. */
  list(
    kind: string,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<{ readonly jobs: readonly Job[]; readonly total: number }>;
  /** `asked`: it ends soon. */
  cancel(id: number): Promise<'cancelled' | 'asked' | 'finished' | 'unknown'>;
  schedule(name: string): Promise<Schedule | undefined>;
  /** @throws {Refusal} `invalid` when the cron expression is none */
  setSchedule(name: string, cron: string, submission: JobSubmission): Promise<void>;
  /** False when there is none. */
  removeSchedule(name: string): Promise<boolean>;
  /** Does the jobs of its handlers from now on. */
  start(): void;
  /** Interrupts the jobs at hand and gives them back to other processes. */
  stop(): Promise<void>;
}

export function createJobs(options: {
  database: Database;
  /** One a kind. A process does one job of a kind at a time. */
  handlers: readonly JobHandler[];
  /** Hears of every attempt of this process that ended. */
  onFinished: (finished: FinishedAttempt) => void;
  report: (failure: {
    readonly error: unknown;
    readonly kind?: string;
    readonly job?: number;
  }) => void;
  now: () => number;
  /** Between two looks for jobs and schedules of other processes, in milliseconds. */
  interval?: number;
  /** How long a process may be silent before its job is begun elsewhere, in milliseconds. */
  leaseMilliseconds?: number;
}): Jobs {
  const { database, handlers, onFinished, report, now } = options;
  const { interval = 1_500, leaseMilliseconds = 60_000 } = options;
  const { read } = database;
  const byKind = new Map(handlers.map((handler) => [handler.kind, handler]));
  const isDue = dueJobOf(database, [...byKind.keys()]);
  const attempts = new Map<string, { readonly id: number; readonly attempt: Attempt }>();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let again = false;

  function wake(): void {
    if (timer === undefined || stopping.signal.aborted) return;
    again = true;
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }

  async function look(): Promise<void> {
    while (again && !stopping.signal.aborted) {
      again = false;
      try {
        await advanceSchedules();
        await claimAll();
      } catch (error) {
        report({ error });
      }
    }
  }

  async function advanceSchedules(): Promise<void> {
    const time = now();
    for (const { name, cron, nextAt } of await dueSchedules(read, time)) {
      await database.write(advanceSchedule, {
        name,
        cron,
        seen: nextAt,
        nextAt: nextTime(cron, time),
        now: time,
      });
    }
  }

  async function claimAll(): Promise<void> {
    while (!stopping.signal.aborted) {
      const kinds = [...byKind.keys()].filter((kind) => !attempts.has(kind));
      if (kinds.length === 0 || (await isDue(now())) === undefined) return;
      const lease = randomUUID();
      const time = now();
      const leaseUntil = time + leaseMilliseconds;
      const claim = { kinds, lease, leaseUntil, maximumAttempts, now: time };
      const claimed = await database.write(claimJob, claim);
      const handler = claimed && byKind.get(claimed.kind);
      if (claimed === undefined || handler === undefined) return;
      const { id, kind } = claimed;
      const started = attempt({
        database,
        handler,
        claimed,
        lease,
        leaseUntil,
        leaseMilliseconds,
        maximumAttempts,
        retryAt: (count) => now() + Math.min(firstPause * 4 ** (count - 1), longestPause),
        stopping: stopping.signal,
        report: (error) => report({ error, kind, job: id }),
        now,
      });
      attempts.set(kind, { id, attempt: started });
      void follow(kind, started, time);
    }
  }

  async function follow(kind: string, { ended }: Attempt, begun: number): Promise<void> {
    try {
      const state = await ended;
      const milliseconds = now() - begun;
      if (state === 'waiting') onFinished({ kind, outcome: 'retried', milliseconds });
      else if (state !== 'lost' && state !== 'returned') {
        onFinished({ kind, outcome: state, milliseconds });
      }
    } catch (error) {
      // Its lease ends, and it is begun again.
      report({ error, kind });
    }
    attempts.delete(kind);
    wake();
  }

  return {
    async submit({ kind, slot = null, input }) {
      const submitted = await database.write(submitJob, {
        kind,
        slot,
        input: JSON.stringify(input),
        origin: 'manual',
        now: now(),
      });
      wake();
      return submitted;
    },
    find: (kind, id) => findJob(read, kind, id),
    list: (kind, page) => listJobs(read, kind, page),
    async cancel(id) {
      const outcome = await database.write(cancelJob, { id, now: now() });
      if (outcome === 'asked') {
        for (const running of attempts.values()) if (running.id === id) running.attempt.cancel();
      }
      return outcome;
    },
    async schedule(name) {
      const row = await findSchedule(read, name);
      if (row === undefined) return undefined;
      const { cron, nextAt, createdAt, updatedAt } = row;
      return {
        cron,
        input: JSON.parse(row.input),
        nextAt: nextAt ?? nextTime(cron, now()),
        createdAt,
        updatedAt,
      };
    },
    async setSchedule(name, cron, { kind, slot = null, input }) {
      const time = now();
      await database.write(setSchedule, {
        name,
        kind,
        slot,
        input: JSON.stringify(input),
        cron,
        nextAt: nextTime(cron, time),
        now: time,
      });
    },
    removeSchedule: (name) => database.write(removeSchedule, { name }),
    start() {
      timer ??= setInterval(wake, interval);
      timer.unref();
      wake();
    },
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await looking;
      await Promise.allSettled([...attempts.values()].map(({ attempt: { ended } }) => ended));
    },
  };
}
