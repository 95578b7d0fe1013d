import type { Transaction, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
import { forUpdate } from '#server/database/locking.ts';
import { removedPattern, type Waiting } from '../disconnection.ts';
import { mergeSettings, type StoredSettings } from '../stored-settings.ts';
import { beingDisconnected, lockCluster } from './cluster-locks.ts';

/** @throws {Refusal} `not-found`; `conflict` while it is being disconnected */
export const changeSettings: Write<
  { readonly cluster: string; readonly settings: StoredSettings },
  void
> = {
  name: 'clusters.change-settings',
  durability: 'durable',
  run: async (transaction, { cluster, settings }) => {
    const row = await lockCluster(transaction, cluster);
    if (row.disconnecting_at !== null) throw beingDisconnected(cluster, row.left_behind);
    await transaction
      .updateTable('clusters')
      .set({ settings: mergeSettings(row.settings, settings) })
      .where('id', '=', row.id)
      .execute();
    // Whether tokens are reviewed is one of them.
    await bumpGrantGeneration(transaction);
  },
};

/**
 * From now on the cluster has no credentials and nothing is granted to it, and its agent is to take
 * everything away.
 * @throws {Refusal} `not-found`
 */
export const beginDisconnection: Write<{ readonly cluster: string; readonly now: number }, void> = {
  name: 'clusters.begin-disconnection',
  durability: 'durable',
  run: async (transaction, { cluster, now }) => {
    const row = await lockCluster(transaction, cluster);
    if (row.disconnecting_at !== null) return;
    await transaction
      .updateTable('clusters')
      .set({ disconnecting_at: now })
      .where('id', '=', row.id)
      .execute();
    await transaction.deleteFrom('cluster_tokens').where('cluster_id', '=', row.id).execute();
    await transaction.deleteFrom('cluster_grants').where('cluster_id', '=', row.id).execute();
    await endMemberships(transaction, cluster);
    await bumpGrantGeneration(transaction);
  },
};

/** All is taken away but what stands on nodes, some of which are waited for. */
export const noteWaiting: Write<Waiting & { readonly cluster: number }, void> = {
  name: 'clusters.note-waiting',
  durability: 'durable',
  run: async (transaction, { cluster, left, nodes }) => {
    await transaction
      .updateTable('clusters')
      .set({ left_behind: JSON.stringify({ left, nodes } satisfies Waiting) })
      .where('id', '=', cluster)
      .where('disconnecting_at', 'is not', null)
      .where((row) =>
        row.or([row('left_behind', 'is', null), row('left_behind', 'not like', removedPattern)]),
      )
      .execute();
  },
};

/**
 * The agent has taken away what it could. A cluster that nothing is left in is forgotten; another
 * one waits for somebody to read what is.
 * @param left sentences
 */
export const noteRemoval: Write<
  { readonly cluster: number; readonly left: readonly string[]; readonly now: number },
  void
> = {
  name: 'clusters.note-removal',
  durability: 'durable',
  run: async (transaction, { cluster, left, now }) => {
    const row = await forUpdate(
      transaction,
      transaction
        .selectFrom('clusters')
        .select('name')
        .where('id', '=', cluster)
        .where('disconnecting_at', 'is not', null),
    ).executeTakeFirst();
    if (row === undefined) return;
    if (left.length === 0) {
      await forget(transaction, cluster, row.name);
      return;
    }
    await transaction
      .updateTable('clusters')
      .set({ left_behind: JSON.stringify(left), seen_at: now })
      .where('id', '=', cluster)
      .execute();
  },
};

/**
 * Nothing of the cluster is known from then on: its keys, identities, credentials, grants and
 * memberships end.
 * @throws {Refusal} `not-found`
 */
export const forgetCluster: Write<{ readonly cluster: string }, void> = {
  name: 'clusters.forget',
  durability: 'durable',
  run: async (transaction, { cluster }) => {
    const { id } = await lockCluster(transaction, cluster);
    await forget(transaction, id, cluster);
  },
};

export async function forget(transaction: Transaction, id: number, name: string): Promise<void> {
  await endMemberships(transaction, name);
  await transaction.deleteFrom('clusters').where('id', '=', id).execute();
  await bumpGrantGeneration(transaction);
}

/** Another cluster of that name must find nothing granted to it. */
async function endMemberships(transaction: Transaction, name: string): Promise<void> {
  await transaction
    .deleteFrom('project_members')
    .where('kind', '=', 'workload')
    .where('workload', 'like', `${name}/%`)
    .execute();
}

/** Moments before which something has ended for good. */
export interface EndedBefore {
  /** When a token expired. */
  readonly tokens: number;
  /** When a credential ended. */
  readonly credentials: number;
  /** When the agent of a cluster was there last that has removed everything. */
  readonly removals: number;
}

/** Clears away tokens, credentials and clusters that nobody can use any more. */
export const clearEnded: Write<EndedBefore, void> = {
  name: 'clusters.clear-ended',
  durability: 'durable',
  run: async (transaction, { tokens, credentials, removals }) => {
    await transaction.deleteFrom('cluster_tokens').where('expires_at', '<', tokens).execute();
    await transaction
      .deleteFrom('namespace_credentials')
      .where('ends_at', '<', credentials)
      .execute();
    const removed = await transaction
      .selectFrom('clusters')
      .select(['id', 'name'])
      .where('left_behind', 'like', removedPattern)
      .where('seen_at', '<', removals)
      .execute();
    for (const { id, name } of removed) await forget(transaction, id, name);
  },
};
