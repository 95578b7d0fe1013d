import type { Transaction, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
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
    if (row.disconnecting_at !== null) throw beingDisconnected(cluster);
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
 * From now on the cluster has no credentials, and its agent is to take everything away.
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
    await bumpGrantGeneration(transaction);
  },
};

/** The agent has taken away what it could. @param left JSON of sentences */
export const noteRemoval: Write<{ readonly cluster: number; readonly left: string }, void> = {
  name: 'clusters.note-removal',
  durability: 'durable',
  run: async (transaction, { cluster, left }) => {
    await transaction
      .updateTable('clusters')
      .set({ left_behind: left })
      .where('id', '=', cluster)
      .where('disconnecting_at', 'is not', null)
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

async function forget(transaction: Transaction, id: number, name: string): Promise<void> {
  // Another cluster of that name must find nothing granted to it.
  await transaction
    .deleteFrom('project_members')
    .where('kind', '=', 'workload')
    .where('workload', 'like', `${name}/%`)
    .execute();
  await transaction.deleteFrom('clusters').where('id', '=', id).execute();
  await bumpGrantGeneration(transaction);
}

/** Moments before which something has ended for good. */
export interface EndedBefore {
  /** When a token expired. */
  readonly tokens: number;
  /** When a credential ended. */
  readonly credentials: number;
  /** When the disconnection of a cluster began whose agent has removed everything. */
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
      .where('left_behind', 'is not', null)
      .where('disconnecting_at', '<', removals)
      .execute();
    for (const { id, name } of removed) await forget(transaction, id, name);
  },
};
