import { type Static, Type } from 'typebox';

/** What a collection took, or would take when it is a dry run. */
export const CollectionReport = Type.Object({
  dry_run: Type.Boolean(),
  delete_untagged: Type.Boolean(),
  grace_seconds: Type.Number(),
  manifests: Type.Integer({ description: 'Untagged, or left by what they belonged to' }),
  blobs: Type.Integer({ description: 'That no manifest needs' }),
  bytes: Type.Integer({ description: 'Of blobs and files' }),
  files: Type.Integer({ description: 'That a crash left without a blob' }),
});
export type CollectionReport = Static<typeof CollectionReport>;

const State = Type.Union([
  Type.Literal('waiting'),
  Type.Literal('running'),
  Type.Literal('succeeded'),
  Type.Literal('failed'),
  Type.Literal('cancelled'),
]);

export const Collection = Type.Object({
  id: Type.Integer(),
  job_name: Type.String(),
  job_kind: Type.Union([Type.Literal('MANUAL'), Type.Literal('SCHEDULE')]),
  job_status: Type.String({
    description: 'As Harbor writes it: Pending, Running, Success, Error, Stopped',
  }),
  job_parameters: Type.String({ description: 'JSON' }),
  state: State,
  progress: Type.Optional(
    Type.Object({
      step: Type.String(),
      done: Type.Integer(),
      total: Type.Optional(Type.Integer()),
    }),
  ),
  report: Type.Optional(CollectionReport),
  problem: Type.Optional(Type.String()),
  creation_time: Type.String(),
  start_time: Type.Optional(Type.String()),
  update_time: Type.String(),
  end_time: Type.Optional(Type.String()),
});
export type Collection = Static<typeof Collection>;

const Parameters = Type.Object({
  delete_untagged: Type.Optional(
    Type.Boolean({ description: 'Manifests without a tag go too. Default: false' }),
  ),
  dry_run: Type.Optional(Type.Boolean({ description: 'Report only. Default: false' })),
});

const ScheduleType = Type.Union([
  Type.Literal('Hourly'),
  Type.Literal('Daily'),
  Type.Literal('Weekly'),
  Type.Literal('Custom'),
  Type.Literal('Manual'),
  Type.Literal('None'),
]);

/** What begins a collection (`Manual`) or sets when they begin. */
export const CollectionOrder = Type.Object({
  schedule: Type.Object({
    type: ScheduleType,
    cron: Type.Optional(
      Type.String({ maxLength: 128, description: 'Six fields, in UTC; for Custom' }),
    ),
  }),
  parameters: Type.Optional(Parameters),
});
export type CollectionOrder = Static<typeof CollectionOrder>;

export const CollectionSchedule = Type.Object({
  schedule: Type.Object({
    type: ScheduleType,
    cron: Type.String({ description: 'Six fields, in UTC' }),
    next_scheduled_time: Type.String(),
  }),
  job_parameters: Type.String({ description: 'JSON' }),
  parameters: Parameters,
});
export type CollectionSchedule = Static<typeof CollectionSchedule>;
