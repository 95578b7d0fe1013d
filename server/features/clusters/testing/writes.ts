import { projectWrites } from '#features/projects/writes';
import type { AnyWrite } from '#server/database/database.ts';
import { databaseWrites } from '#server/database/secrets.ts';
import { clusterWrites } from '../writes.ts';

export const writes: readonly AnyWrite[] = [...databaseWrites, ...projectWrites, ...clusterWrites];
