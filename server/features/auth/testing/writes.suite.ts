import { projectWrites } from '#features/projects';
import { robotWrites } from '#features/robots';
import { userWrites } from '#features/users';
import type { AnyWrite } from '#server/database/database.ts';
import { databaseWrites } from '#server/database/secrets.ts';

export const writes: readonly AnyWrite[] = [
  ...databaseWrites,
  ...userWrites,
  ...robotWrites,
  ...projectWrites,
];
