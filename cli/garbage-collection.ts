import { setTimeout as pause } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type {
  Collection,
  CollectionOrder,
  CollectionReport,
  CollectionSchedule,
} from '#contract/garbage-collection.ts';
import type { Api } from './api.ts';
import { addCommand, addNoun, answers } from './command.ts';
import type { Environment } from './environment.ts';
import { UsageFailure } from './failure.ts';
import { type Output, timeText } from './output.ts';
import { bytesText, countText, showProgress } from './progress.ts';
import { withApi } from './with-api.ts';

const base = '/system/gc';
const lookMilliseconds = 300;

export function addCollectionCommands(program: Command, environment: Environment) {
  const noun = addNoun(program, 'garbage-collection', 'Free the space of what nobody needs');
  addRun(noun, environment);
  addStatus(noun, environment);
  addHistory(noun, environment);
  addStop(noun, environment);
  addSchedule(noun, environment);
}

interface RunOptions {
  readonly dryRun?: boolean;
  readonly deleteUntagged?: boolean;
  readonly wait: boolean;
}

function addRun(noun: Command, environment: Environment) {
  const run = addCommand(noun, 'run', {
    summary: 'Collect now, while everybody goes on',
    description:
      'Takes blobs that no manifest names and nobody was told of for the grace period (24 hours; BERTH_COLLECTION_GRACE of the server), and manifests whose subject or index was deleted. Untagged manifests stay, unless --delete-untagged is given.',
    examples: [
      'berth garbage-collection run --dry-run',
      'berth garbage-collection run',
      'berth garbage-collection run --delete-untagged --dry-run',
    ],
  })
    .option('--dry-run', 'only tell what would go')
    .option('--delete-untagged', 'manifests without a tag go too')
    .option('--no-wait', 'do not wait for its end');
  answers(run, ({ dryRun = false, deleteUntagged = false, wait }: RunOptions) =>
    withApi(environment, async (api) => {
      const order: CollectionOrder = {
        schedule: { type: 'Manual' },
        parameters: { dry_run: dryRun, delete_untagged: deleteUntagged },
      };
      const { body } = await api.post<Collection>(`${base}/schedule`, order);
      return answerOf(wait ? await ended(api, body.id) : body);
    }),
  );
}

/** Follows a collection to its end. */
async function ended(api: Api, id: number): Promise<Collection> {
  const progress = showProgress();
  try {
    for (;;) {
      const collection = await api.get<Collection>(`${base}/${id}`);
      if (collection.end_time !== undefined) return collection;
      if (collection.progress !== undefined)
        progress.report({ total: undefined, bytes: 0, ...collection.progress });
      await pause(lookMilliseconds);
    }
  } finally {
    progress.end();
  }
}

function addStatus(noun: Command, environment: Environment) {
  const status = addCommand(noun, 'status [id]', {
    summary: 'Show a collection, the newest unless one is named',
    examples: ['berth garbage-collection status', 'berth garbage-collection status 12'],
  });
  answers(status, (_options, id: string | undefined) =>
    withApi(environment, async (api) => {
      if (id !== undefined) return answerOf(await api.get<Collection>(`${base}/${idOf(id)}`));
      const [newest] = await api.get<readonly Collection[]>(`${base}?page_size=1`);
      if (newest !== undefined) return answerOf(newest);
      return { json: null, text: 'Nothing was collected yet.' };
    }),
  );
}

function addHistory(noun: Command, environment: Environment) {
  const history = addCommand(noun, 'history', {
    summary: 'List collections, the newest first',
    examples: ['berth garbage-collection history'],
  });
  answers(history, () =>
    withApi(environment, async (api) => {
      const collections = await api.list<Collection>(base);
      return {
        json: collections,
        table: {
          columns: ['id', 'begun', 'by', 'state', 'blobs', 'freed', 'manifests'],
          rows: collections.map(({ id, start_time, job_kind, state, report }) => [
            String(id),
            timeText(start_time, '-'),
            job_kind.toLowerCase(),
            report?.dry_run ? `${state} (dry run)` : state,
            report === undefined ? '-' : countText(report.blobs),
            report === undefined ? '-' : bytesText(report.bytes),
            report === undefined ? '-' : countText(report.manifests),
          ]),
          empty: 'Nothing was collected yet.',
        },
      };
    }),
  );
}

function addStop(noun: Command, environment: Environment) {
  const stop = addCommand(noun, 'stop <id>', {
    summary: 'Stop a collection that is under way',
    description: 'What it has taken by then is gone; what it has not stays.',
    examples: ['berth garbage-collection stop 12'],
  });
  answers(stop, (_options, id: string) =>
    withApi(environment, async (api) => {
      await api.put(`${base}/${idOf(id)}`, {});
      return answerOf(await ended(api, idOf(id)));
    }),
  );
}

interface ScheduleOptions {
  readonly cron?: string;
  readonly off?: boolean;
  readonly deleteUntagged?: boolean;
}

function addSchedule(noun: Command, environment: Environment) {
  const schedule = addCommand(noun, 'schedule', {
    summary: 'Show or set when collections begin by themselves',
    description: 'Times are in UTC. Every night at 3 o’clock unless set otherwise.',
    examples: [
      'berth garbage-collection schedule',
      "berth garbage-collection schedule --cron '0 30 2 * * *'",
      "berth garbage-collection schedule --cron '0 0 4 * * 0' --delete-untagged",
      'berth garbage-collection schedule --off',
    ],
  })
    .option('--cron <fields>', 'second minute hour day month weekday, in UTC', sixFields)
    .option('--delete-untagged', 'manifests without a tag go too')
    .option('--off', 'only when it is asked for');
  answers(schedule, ({ cron, off = false, deleteUntagged = false }: ScheduleOptions) =>
    withApi(environment, async (api) => {
      if (off && (cron !== undefined || deleteUntagged)) {
        throw new UsageFailure('--off goes alone.');
      }
      if (deleteUntagged && cron === undefined) {
        throw new UsageFailure('--delete-untagged belongs to a schedule: give --cron too.');
      }
      if (off || cron !== undefined) {
        const order: CollectionOrder = {
          schedule: cron === undefined ? { type: 'None' } : { type: 'Custom', cron },
          parameters: { delete_untagged: deleteUntagged },
        };
        await api.put(`${base}/schedule`, order);
      }
      const current = await api.get<CollectionSchedule | undefined>(`${base}/schedule`);
      if (current === undefined) {
        return { json: null, text: 'No collection begins by itself.' };
      }
      const { cron: fields, next_scheduled_time: next } = current.schedule;
      const untagged = current.parameters.delete_untagged ? 'go too' : 'stay';
      return {
        json: current,
        text: `Collections begin at ${fields} (UTC), next at ${timeText(next, '-')}. Untagged manifests ${untagged}.`,
      };
    }),
  );
}

function answerOf(collection: Collection): Output {
  const { id, state, report, progress, problem } = collection;
  const failed = state === 'failed' || state === 'cancelled';
  const lines = [
    ...(report === undefined ? [] : [reportText(report)]),
    ...(report === undefined && !failed && progress !== undefined
      ? [`Collection ${id} is at: ${progress.step}, ${countText(progress.done)}.`]
      : []),
    ...(state === 'waiting' ? [`Collection ${id} waits to begin.`] : []),
    ...(failed ? [`Collection ${id} ${state === 'failed' ? 'failed' : 'was stopped'}.`] : []),
    ...(problem === undefined || state === 'succeeded' ? [] : [problem]),
  ];
  return {
    json: collection,
    text: lines.length === 0 ? `Collection ${id} has begun.` : lines.join('\n'),
    failed,
  };
}

function reportText({ dry_run: dry, manifests, blobs, bytes, files }: CollectionReport): string {
  const verb = dry ? 'Would free' : 'Freed';
  const parts = [
    counted(blobs, 'blob'),
    counted(manifests, 'manifest'),
    ...(files > 0 ? [counted(files, 'file without a blob')] : []),
  ];
  return `${verb} ${bytesText(bytes)}: ${parts.join(', ')}.${dry ? ' Nothing was changed.' : ''}`;
}

function counted(count: number, what: string): string {
  const plural = what.startsWith('file') ? 'files without a blob' : `${what}s`;
  return `${countText(count)} ${count === 1 ? what : plural}`;
}

function idOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UsageFailure(
    `${text} is no number of a collection: berth garbage-collection history lists them.`,
  );
}

function sixFields(text: string): string {
  if (text.trim().split(/\s+/).length === 6) return text.trim();
  throw new InvalidArgumentError('Write six fields: second minute hour day month weekday.');
}
