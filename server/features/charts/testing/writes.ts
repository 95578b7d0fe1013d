import { ensureProject, projectWrites } from '#features/projects';
import { registryWrites } from '#features/registry';
import type { AnyWrite, Write } from '#server/database/database.ts';
import { eventWrites } from '#server/events/outbox.ts';
import { chartWrites } from '../index.ts';

export const addProject: Write<{ name: string; public: boolean }, number> = {
  name: 'testing.add-project',
  durability: 'durable',
  async run(transaction, { name, public: isPublic }) {
    const id = await ensureProject(transaction, { name, ownerId: null, now: 1 });
    await transaction
      .updateTable('projects')
      .set({ public: isPublic ? 1 : 0 })
      .where('id', '=', id)
      .execute();
    return id;
  },
};

export const writes: readonly AnyWrite[] = [
  ...projectWrites,
  ...registryWrites,
  ...eventWrites,
  ...chartWrites,
  addProject,
];
