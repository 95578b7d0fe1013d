import type { Database } from '#server/database/database.ts';
import type { JobHandler, JobProgress } from './job.ts';
import { type ClaimedJob, finishJob, type JobOutcome, renewJob } from './job-writes.ts';

/** How a job is run: what a process may do to it until when. */
export interface AttemptOptions {
  readonly database: Database;
  readonly handler: JobHandler;
  readonly claimed: ClaimedJob;
  readonly lease: string;
  readonly leaseUntil: number;
  readonly leaseMilliseconds: number;
  readonly maximumAttempts: number;
  readonly retryAt: (attempts: number) => number;
  /** Aborted when the process stops. */
  readonly stopping: AbortSignal;
  readonly report: (error: unknown) => void;
  readonly now: () => number;
}

export interface Attempt {
  /** How it ended; `lost` when the job is somebody else's. */
  readonly ended: Promise<JobOutcome['state'] | 'lost'>;
  cancel(): void;
}

type Reason = 'cancelled' | 'stopping' | 'lost';

/** Runs a claimed job, renews its lease meanwhile, and writes down how it ended. */
export function attempt(options: AttemptOptions): Attempt {
  const { database, handler, claimed, lease, leaseMilliseconds, stopping, report, now } = options;
  const { id } = claimed;
  const abort = new AbortController();
  let reason: Reason | undefined;
  let leaseUntil = options.leaseUntil;
  let progress: JobProgress | undefined;
  let renewing: Promise<void> | undefined;

  function end(why: Reason): void {
    reason ??= why;
    abort.abort(new Error(`The job was ${why === 'stopping' ? 'interrupted' : why}`));
  }

  async function renew(): Promise<void> {
    const until = now() + leaseMilliseconds;
    try {
      const state = await database.write(renewJob, {
        id,
        lease,
        leaseUntil: until,
        progress: JSON.stringify(progress ?? {}),
        now: now(),
      });
      if (state === 'lost') return end('lost');
      leaseUntil = until;
      if (state === 'cancel') end('cancelled');
    } catch (error) {
      report(error);
      // Somebody else may begin it from then on.
      if (now() >= leaseUntil) end('lost');
    }
  }

  async function work(): Promise<JobOutcome> {
    try {
      const result = await handler.run({
        id,
        input: JSON.parse(claimed.input),
        attempt: claimed.attempts,
        signal: abort.signal,
        report: (reached) => {
          progress = reached;
        },
      });
      return { state: 'succeeded', result: JSON.stringify(result ?? null) };
    } catch (error) {
      if (reason === 'cancelled') return { state: 'cancelled' };
      if (reason !== undefined) return { state: 'returned' };
      report(error);
      const problem = error instanceof Error ? error.message : String(error);
      return claimed.attempts >= options.maximumAttempts
        ? { state: 'failed', problem }
        : { state: 'waiting', problem, dueAt: options.retryAt(claimed.attempts) };
    }
  }

  async function run(): Promise<JobOutcome['state'] | 'lost'> {
    const stop = () => end('stopping');
    stopping.addEventListener('abort', stop);
    // Often enough that people see it move, and hear of a cancellation soon.
    const timer = setInterval(
      () => {
        renewing ??= renew().finally(() => {
          renewing = undefined;
        });
      },
      Math.min(1_000, leaseMilliseconds / 3),
    );
    let outcome: JobOutcome;
    try {
      if (stopping.aborted) stop();
      outcome = await work();
    } finally {
      clearInterval(timer);
      stopping.removeEventListener('abort', stop);
    }
    await renewing;
    const kept = await database.write(finishJob, {
      id,
      lease,
      outcome,
      progress: JSON.stringify(progress ?? {}),
      now: now(),
    });
    return kept ? outcome.state : 'lost';
  }

  return { ended: run(), cancel: () => end('cancelled') };
}
