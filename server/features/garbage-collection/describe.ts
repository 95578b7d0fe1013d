import type {
  Collection,
  CollectionReport,
  CollectionSchedule,
} from '#contract/garbage-collection.ts';
import type { Job, Schedule } from '#server/jobs/jobs.ts';
import type { CollectionInput } from './handler.ts';

/** The crons that Harbor's types stand for, in UTC. */
export const crons = {
  Hourly: '0 0 * * * *',
  Daily: '0 0 0 * * *',
  Weekly: '0 0 0 * * 0',
} as const;

const statuses: Readonly<Record<Job['state'], string>> = {
  waiting: 'Pending',
  running: 'Running',
  succeeded: 'Success',
  failed: 'Error',
  cancelled: 'Stopped',
};

export function describeCollection(job: Job): Collection {
  const { startedAt, finishedAt, progress, problem } = job;
  return {
    id: job.id,
    job_name: 'GARBAGE_COLLECTION',
    job_kind: job.origin === 'manual' ? 'MANUAL' : 'SCHEDULE',
    job_status: statuses[job.state],
    job_parameters: JSON.stringify(parametersOf(job.input)),
    state: job.state,
    ...(progress !== undefined && { progress }),
    ...(job.result != null && { report: job.result as CollectionReport }),
    ...(problem !== undefined && { problem }),
    creation_time: timeOf(job.createdAt),
    ...(startedAt !== undefined && { start_time: timeOf(startedAt) }),
    update_time: timeOf(job.updatedAt),
    ...(finishedAt !== undefined && { end_time: timeOf(finishedAt) }),
  };
}

export function describeSchedule({ cron, input, nextAt }: Schedule): CollectionSchedule {
  const parameters = parametersOf(input);
  const named = (['Hourly', 'Daily', 'Weekly'] as const).find((type) => crons[type] === cron);
  return {
    schedule: { type: named ?? 'Custom', cron, next_scheduled_time: timeOf(nextAt) },
    job_parameters: JSON.stringify(parameters),
    parameters,
  };
}

/** As a handler or a schedule was given them. */
function parametersOf(input: unknown) {
  const { deleteUntagged, dryRun } = input as CollectionInput;
  return { delete_untagged: deleteUntagged, dry_run: dryRun };
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
