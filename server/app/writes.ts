import { artifactWrites } from '#features/artifacts';
import { chartWrites } from '#features/charts';
import { projectWrites } from '#features/projects';
import { registryWrites } from '#features/registry';
import { robotWrites } from '#features/robots';
import { userWrites } from '#features/users';
import type { AnyWrite } from '#server/database/database.ts';
import { databaseWrites } from '#server/database/secrets.ts';
import { eventWrites } from '#server/events/outbox.ts';

/** Every write of the server. The writer thread of SQLite loads this module too. */
export const writes: readonly AnyWrite[] = [
  ...databaseWrites,
  ...artifactWrites,
  ...chartWrites,
  ...eventWrites,
  ...projectWrites,
  ...registryWrites,
  ...robotWrites,
  ...userWrites,
];
