import { projectWrites } from '#features/projects/writes';
import { robotWrites } from '#features/robots/writes';
import { userWrites } from '#features/users/writes';
import type { AnyWrite } from '#server/database/database.ts';
import { databaseWrites } from '#server/database/secrets.ts';

export const writes: readonly AnyWrite[] = [
  ...databaseWrites,
  ...userWrites,
  ...robotWrites,
  ...projectWrites,
];
