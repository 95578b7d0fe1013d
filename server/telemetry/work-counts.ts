import { createDurations } from './histogram.ts';
import { counter, gauge, type MetricSnapshot } from './metrics.ts';

export type Durability = 'durable' | 'transient';

const durabilities: readonly Durability[] = ['durable', 'transient'];

/** Writes to the database, as those who asked for them see them. */
export interface WriteCounts {
  count<Output>(durability: Durability, write: () => Promise<Output>): Promise<Output>;
  snapshots(): readonly MetricSnapshot[];
}

export function createWriteCounts(): WriteCounts {
  const durations = createDurations(durabilities.length);
  let underWay = 0;
  let failed = 0;
  return {
    async count(durability, write) {
      const begun = performance.now();
      underWay += 1;
      try {
        return await write();
      } catch (error) {
        failed += 1;
        throw error;
      } finally {
        underWay -= 1;
        const seconds = (performance.now() - begun) / 1000;
        durations.observe(durabilities.indexOf(durability), seconds);
      }
    },
    snapshots: () => [
      durations.snapshot(
        'berth_database_write_duration_seconds',
        'From asking for a write to its commit: synced to disk where it is durable.',
        (row) => ({ durability: durabilities[row] ?? '' }),
      ),
      gauge(
        'berth_database_writes_in_progress',
        'Writes that wait for their turn or their commit.',
        underWay,
      ),
      counter(
        'berth_database_writes_failed_total',
        'Writes that came to nothing, refusals of bad input included.',
        failed,
      ),
    ],
  };
}

/** One attempt at a job that ended. */
export interface EndedAttempt {
  readonly kind: string;
  readonly outcome: string;
  readonly milliseconds: number;
}

export interface JobCounts {
  ended(attempt: EndedAttempt): void;
  snapshots(): readonly MetricSnapshot[];
}

/** Seconds: a collection may take its time. */
const jobBuckets = [0.1, 1, 10, 60, 300, 1_800, 7_200];

/** @param kinds of every job that this process does */
export function createJobCounts(kinds: readonly string[]): JobCounts {
  const durations = createDurations(kinds.length, jobBuckets);
  const outcomes = new Map<string, { kind: string; outcome: string; count: number }>();
  return {
    ended({ kind, outcome, milliseconds }) {
      const key = `${kind} ${outcome}`;
      const known = outcomes.get(key) ?? { kind, outcome, count: 0 };
      known.count += 1;
      outcomes.set(key, known);
      durations.observe(kinds.indexOf(kind), milliseconds / 1000);
    },
    snapshots: () => [
      counter(
        'berth_job_attempts_total',
        'Attempts at jobs that ended, by kind and outcome (retried: it failed and comes again).',
        [...outcomes.values()].map(({ kind, outcome, count }) => ({
          labels: { kind, outcome },
          value: count,
        })),
      ),
      durations.snapshot(
        'berth_job_attempt_duration_seconds',
        'How long attempts at jobs took.',
        (row) => ({ kind: kinds[row] ?? '' }),
      ),
    ],
  };
}
