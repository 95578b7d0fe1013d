import type { Write } from '#server/database/database.ts';
import { emit } from '#server/events/events.ts';
import { unknownRepository } from './errors.ts';

export interface RepositoryDescription {
  /** The whole name. */
  readonly name: string;
  readonly description: string;
  readonly now: number;
}

/** @throws {Refusal} `not-found` */
export const describeRepository: Write<RepositoryDescription, void> = {
  name: 'projects.describe-repository',
  durability: 'durable',
  run: async (transaction, { name, description, now }) => {
    const { numUpdatedRows } = await transaction
      .updateTable('repositories')
      .set({ description, updated_at: now })
      .where('name', '=', name)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw unknownRepository(name);
  },
};

export interface RepositoryDeletion {
  /** The whole name. */
  readonly name: string;
  readonly by: string;
  readonly now: number;
}

/**
 * Deletes a repository with its manifests and tags. Its blobs stay where others link to them.
 * @throws {Refusal} `not-found`
 */
export const deleteRepository: Write<RepositoryDeletion, void> = {
  name: 'projects.delete-repository',
  durability: 'durable',
  run: async (transaction, { name, by, now }) => {
    const { numDeletedRows } = await transaction
      .deleteFrom('repositories')
      .where('name', '=', name)
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw unknownRepository(name);
    await emit(transaction, { type: 'repository.deleted', repository: name, by }, now);
  },
};
