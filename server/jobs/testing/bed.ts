import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '#server/database/database.ts';
import type { OpenEmpty } from '#test/databases.ts';
import type { FinishedAttempt, Job, JobHandler } from '../job.ts';
import { createJobs, type Jobs } from '../jobs.ts';

export const minute = 60_000;

export async function until(met: () => Promise<boolean> | boolean): Promise<void> {
  for (let waited = 0; !(await met()); waited += 5) {
    assert.ok(waited < 30_000, 'waited for 30 s in vain');
    await pause(5);
  }
}

export interface Bed {
  readonly database: Database;
  readonly time: { now: number };
  readonly finished: FinishedAttempt[];
  /** One more process that shares the database. */
  process(run: JobHandler['run'], leaseMilliseconds?: number): Jobs;
  ended(jobs: Jobs, id: number): Promise<Job>;
}

/** Makes tests of what runs on an empty database. */
export function onBed(open: OpenEmpty) {
  return (run: (bed: Bed) => Promise<void>) => async () => {
    const { database, remove } = await open();
    const time = { now: Date.UTC(2026, 0, 1) };
    const finished: FinishedAttempt[] = [];
    const processes: Jobs[] = [];
    const bed: Bed = {
      database,
      time,
      finished,
      process(handle, leaseMilliseconds = minute) {
        const jobs = createJobs({
          database,
          handlers: [{ kind: 'count', run: handle }],
          onFinished: (attempt) => finished.push(attempt),
          report: () => {},
          now: () => time.now,
          interval: 5,
          leaseMilliseconds,
        });
        processes.push(jobs);
        return jobs;
      },
      async ended(jobs, id) {
        let job: Job | undefined;
        await until(async () => {
          job = await jobs.find('count', id);
          return job?.finishedAt !== undefined;
        });
        assert.ok(job !== undefined);
        return job;
      },
    };
    try {
      await run(bed);
    } finally {
      await Promise.all(processes.map((jobs) => jobs.stop()));
      await database.close();
      await remove();
    }
  };
}
