import type { Write } from '#server/database/database.ts';
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
