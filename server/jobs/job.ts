/** How far a job is. `done` counts what the step says, `total` where it is known. */
export interface JobProgress {
  readonly step: string;
  readonly done: number;
  readonly total?: number;
}

export type JobState = 'waiting' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** A job as people see it. Times are milliseconds since 1970. */
export interface Job {
  readonly id: number;
  readonly kind: string;
  readonly origin: 'manual' | 'schedule';
  /** As it was submitted. */
  readonly input: unknown;
  readonly state: JobState;
  readonly attempts: number;
  readonly progress: JobProgress | undefined;
  /** What its handler answered. */
  readonly result: unknown;
  /** Why its last attempt failed: a sentence. */
  readonly problem: string | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly updatedAt: number;
  readonly finishedAt: number | undefined;
}

/** A job that a handler works on. */
export interface RunningJob {
  readonly id: number;
  readonly input: unknown;
  /** From 1. */
  readonly attempt: number;
  /** Aborted when the job is cancelled, the process stops, or the job is not its own any more. */
  readonly signal: AbortSignal;
  /** Costs nothing: the last one before each renewal of the lease is written. */
  report(progress: JobProgress): void;
}

/**
 * Does the jobs of one kind. A job may be begun again after a crash, so what was done before must
 * do no harm when it is done again. What `run` answers is kept as JSON; what it throws makes the
 * job begin again after a pause, and fail in the end.
 */
export interface JobHandler {
  readonly kind: string;
  run(job: RunningJob): Promise<unknown>;
}

/** How one attempt ended, for those who count. */
export interface FinishedAttempt {
  readonly kind: string;
  /** `retried`: it failed and is begun again later. */
  readonly outcome: 'succeeded' | 'failed' | 'cancelled' | 'retried';
  readonly milliseconds: number;
}
