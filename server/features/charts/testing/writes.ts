import { ensureProject, projectWrites } from '#features/projects/writes';
import { registryWrites } from '#features/registry/writes';
import type { AnyWrite, Write } from '#server/database/database.ts';
import { eventWrites } from '#server/events/outbox.ts';
import { chartWrites } from '../writes.ts';

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

export const addUser: Write<{ id: number }, void> = {
  name: 'testing.add-user',
  durability: 'durable',
  async run(transaction, { id }) {
    await transaction
      .insertInto('users')
      .values({
        id,
        username: `user-${id}`,
        email: null,
        realname: '',
        comment: '',
        password_hash: null,
        credential_generation: 1,
        admin: 0,
        created_at: 1,
        updated_at: 1,
      })
      .execute();
  },
};

export const forgetAllBlobs: Write<undefined, void> = {
  name: 'testing.forget-all-blobs',
  durability: 'durable',
  async run(transaction) {
    await transaction.deleteFrom('blobs').execute();
  },
};

export const writes: readonly AnyWrite[] = [
  ...projectWrites,
  ...registryWrites,
  ...eventWrites,
  ...chartWrites,
  addProject,
  addUser,
  forgetAllBlobs,
];
