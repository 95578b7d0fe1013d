import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';
import type { AnyWrite, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
import { forShare } from '#server/database/locking.ts';
import type { Role } from '#server/permissions/roles.ts';

export interface NewGrant {
  readonly cluster: string;
  readonly project: string;
  /** As `writeSelector` writes it. */
  readonly selector: string;
  readonly role: Role;
  readonly now: number;
}

export interface CreatedGrant {
  readonly id: number;
  /** False: there was such a grant already. */
  readonly created: boolean;
}

/** Of one cluster: every pull that is decided anew asks them. */
const mostGrants = 5_000;

/** @throws {Refusal} `not-found`; `conflict` while the cluster is being disconnected; `too-large` */
export const createClusterGrant: Write<NewGrant, CreatedGrant> = {
  name: 'clusters.create-grant',
  durability: 'durable',
  run: async (transaction, { cluster: clusterName, project: projectName, selector, role, now }) => {
    const cluster = await forShare(
      transaction,
      transaction
        .selectFrom('clusters')
        .select(['id', 'disconnecting_at'])
        .where('name', '=', clusterName),
    ).executeTakeFirst();
    if (cluster === undefined) throw notConnected(clusterName);
    if (cluster.disconnecting_at !== null) {
      throw new Refusal(
        'conflict',
        `Cluster ${clusterName} is being disconnected: nothing is granted to it any more.`,
      );
    }
    const project = await forShare(
      transaction,
      transaction.selectFrom('projects').select('id').where('name', '=', projectName),
    ).executeTakeFirst();
    if (project === undefined) {
      throw new Refusal(
        'not-found',
        `There is no project ${quote(projectName)}: see berth project list, or create it with berth project create NAME.`,
      );
    }
    const key = { cluster_id: cluster.id, project_id: project.id, selector };
    const { count } = await transaction
      .selectFrom('cluster_grants')
      .select((part) => part.fn.countAll<number>().as('count'))
      .where('cluster_id', '=', cluster.id)
      .executeTakeFirstOrThrow();
    const row =
      Number(count) >= mostGrants
        ? undefined
        : await transaction
            .insertInto('cluster_grants')
            .values({ ...key, role, created_at: now })
            .onConflict((conflict) => conflict.doNothing())
            .returning('id')
            .executeTakeFirst();
    if (row !== undefined) {
      await bumpGrantGeneration(transaction);
      return { id: row.id, created: true };
    }
    const earlier = await transaction
      .selectFrom('cluster_grants')
      .select('id')
      .where('cluster_id', '=', cluster.id)
      .where('project_id', '=', project.id)
      .where('selector', '=', selector)
      .executeTakeFirst();
    if (earlier !== undefined) return { id: earlier.id, created: false };
    throw new Refusal(
      'too-large',
      `Cluster ${clusterName} has ${mostGrants} grants, which is the most: grant by label instead of by name.`,
    );
  },
};

/** @throws {Refusal} `not-found` */
export const deleteClusterGrant: Write<{ readonly cluster: string; readonly id: number }, void> = {
  name: 'clusters.delete-grant',
  durability: 'durable',
  run: async (transaction, { cluster, id }) => {
    const { numDeletedRows } = await transaction
      .deleteFrom('cluster_grants')
      .where('id', '=', id)
      .where('cluster_id', 'in', (part) =>
        part.selectFrom('clusters').select('id').where('name', '=', cluster),
      )
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw unknownGrant(cluster, id);
    await bumpGrantGeneration(transaction);
  },
};

export function unknownGrant(cluster: string, id: number): Refusal {
  return new Refusal(
    'not-found',
    `Cluster ${cluster} has no grant ${id}: berth cluster grants ${cluster} shows those that it has.`,
  );
}

export function notConnected(cluster: string): Refusal {
  return new Refusal(
    'not-found',
    `There is no cluster ${quote(cluster)}: run berth cluster list to see those that there are, or berth cluster connect to connect it.`,
  );
}

export const clusterGrantWrites: readonly AnyWrite[] = [createClusterGrant, deleteClusterGrant];
