import { artifactWrites } from '#features/artifacts/writes';
import { chartWrites } from '#features/charts/writes';
import { clusterWrites } from '#features/clusters/writes';
import { garbageCollectionWrites } from '#features/garbage-collection/writes';
import { monitoringWrites } from '#features/monitoring/writes';
import { projectWrites } from '#features/projects/writes';
import { registryWrites } from '#features/registry/writes';
import { robotWrites } from '#features/robots/writes';
import { userWrites } from '#features/users/writes';
import type { AnyWrite } from '#server/database/database.ts';
import { databaseWrites } from '#server/database/secrets.ts';
import { eventWrites } from '#server/events/outbox.ts';
import { jobWrites } from '#server/jobs/writes.ts';

/** Every write of the server. The writer thread of SQLite loads this module too. */
export const writes: readonly AnyWrite[] = [
  ...databaseWrites,
  ...artifactWrites,
  ...chartWrites,
  ...clusterWrites,
  ...eventWrites,
  ...garbageCollectionWrites,
  ...jobWrites,
  ...monitoringWrites,
  ...projectWrites,
  ...registryWrites,
  ...robotWrites,
  ...userWrites,
];
