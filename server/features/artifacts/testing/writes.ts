import { ensureProject, projectWrites } from '#features/projects/writes';
import { registryWrites } from '#features/registry/writes';
import type { AnyWrite, Write } from '#server/database/database.ts';
import { artifactWrites } from '../writes.ts';

export const addProject: Write<{ name: string }, number> = {
  name: 'testing.add-project',
  durability: 'durable',
  run: (transaction, { name }) => ensureProject(transaction, { name, ownerId: null, now: 1 }),
};

export const writes: readonly AnyWrite[] = [
  ...projectWrites,
  ...registryWrites,
  ...artifactWrites,
  addProject,
];
