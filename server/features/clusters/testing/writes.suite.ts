import type { AnyWrite, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
import { clusterWrites } from '../writes.ts';

/** A cluster whose namespaces may all pull from a project. */
export const addTestCluster: Write<{ readonly name: string; readonly now: number }, number> = {
  name: 'test.add-cluster',
  durability: 'durable',
  run: async (transaction, { name, now }) => {
    const { id } = await transaction
      .insertInto('clusters')
      .values({ name, settings: '{}', checks: '[]', created_at: now })
      .returning('id')
      .executeTakeFirstOrThrow();
    const project = await transaction
      .insertInto('projects')
      .values({ name: 'team', public: 0, created_at: now, updated_at: now })
      .returning('id')
      .executeTakeFirstOrThrow();
    await transaction
      .insertInto('cluster_grants')
      .values({
        cluster_id: id,
        project_id: project.id,
        selector: '{"kind":"all"}',
        role: 'limited-guest',
        created_at: now,
      })
      .execute();
    await bumpGrantGeneration(transaction);
    return id;
  },
};

export const writes: readonly AnyWrite[] = [...clusterWrites, addTestCluster];
