import type { AnyWrite } from '#server/database/database.ts';
import { cancelJob, claimJob, finishJob, renewJob, submitJob } from './job-writes.ts';
import { advanceSchedule, removeSchedule, setSchedule } from './schedule-writes.ts';

export const jobWrites: readonly AnyWrite[] = [
  submitJob,
  claimJob,
  renewJob,
  finishJob,
  cancelJob,
  setSchedule,
  removeSchedule,
  advanceSchedule,
];
