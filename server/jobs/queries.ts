import type { Database, Reader } from '#server/database/database.ts';
import type { Job, JobProgress } from './job.ts';

const columns = [
  'id',
  'kind',
  'origin',
  'input',
  'state',
  'attempts',
  'progress',
  'result',
  'problem',
  'created_at',
  'started_at',
  'updated_at',
  'finished_at',
] as const;

type JobRow = { [Column in (typeof columns)[number]]: unknown } & {
  id: number;
  kind: string;
  origin: Job['origin'];
  state: Job['state'];
  attempts: number;
  input: string;
  progress: string;
  result: string | null;
  problem: string | null;
  created_at: number;
  started_at: number | null;
  updated_at: number;
  finished_at: number | null;
};

export async function findJob(read: Reader, kind: string, id: number): Promise<Job | undefined> {
  const row = await read
    .selectFrom('jobs')
    .select(columns)
    .where('kind', '=', kind)
    .where('id', '=', id)
    .executeTakeFirst();
  return row === undefined ? undefined : jobOf(row);
}

/** The newest first. */
export async function listJobs(
  read: Reader,
  kind: string,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<{ readonly jobs: readonly Job[]; readonly total: number }> {
  const ofKind = read.selectFrom('jobs').where('kind', '=', kind);
  const { total } = await ofKind
    .select((row) => row.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  const rows = await ofKind
    .select(columns)
    .orderBy('id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  return { jobs: rows.map(jobOf), total };
}

/** Whether a job of `kinds` may be begun; compiled once, since every process asks all the time. */
export function dueJobOf(database: Database, kinds: readonly string[]) {
  return database.prepare<[now: number], { id: number }>((read, argument) =>
    read
      .selectFrom('jobs')
      .select('id')
      .where('finished_at', 'is', null)
      .where('kind', 'in', kinds)
      .where('due_at', '<=', argument<number>(0))
      .where('lease_until', '<=', argument<number>(0))
      .limit(1),
  );
}

export interface ScheduleRow {
  readonly name: string;
  readonly kind: string;
  readonly input: string;
  readonly cron: string;
  readonly nextAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

function schedules(read: Reader) {
  return read
    .selectFrom('schedules')
    .select([
      'name',
      'kind',
      'input',
      'cron',
      'next_at as nextAt',
      'created_at as createdAt',
      'updated_at as updatedAt',
    ]);
}

export function findSchedule(read: Reader, name: string): Promise<ScheduleRow | undefined> {
  return schedules(read).where('name', '=', name).executeTakeFirst();
}

export function dueSchedules(read: Reader, now: number): Promise<readonly ScheduleRow[]> {
  return schedules(read)
    .where((row) => row.or([row('next_at', 'is', null), row('next_at', '<=', now)]))
    .execute();
}

function jobOf(row: JobRow): Job {
  const progress: Partial<JobProgress> = JSON.parse(row.progress);
  return {
    id: row.id,
    kind: row.kind,
    origin: row.origin,
    input: JSON.parse(row.input),
    state: row.state,
    attempts: row.attempts,
    progress: isProgress(progress) ? progress : undefined,
    result: row.result === null ? undefined : JSON.parse(row.result),
    problem: row.problem ?? undefined,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at ?? undefined,
  };
}

function isProgress(progress: Partial<JobProgress>): progress is JobProgress {
  return progress.step !== undefined && progress.done !== undefined;
}
