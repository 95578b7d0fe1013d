import type { Transaction, Write } from '#server/database/database.ts';
import { lockTable } from '#server/database/locking.ts';
import { disconnectionOf } from '../disconnection.ts';
import { mergeSettings, type StoredSettings } from '../stored-settings.ts';
import { beingDisconnected } from './cluster-locks.ts';
import { forget } from './clusters.ts';

/** Of one cluster that live at a time; the oldest give way. */
const mostTokens = 5;

export interface NewConnectToken {
  readonly cluster: string;
  /** Added to those that the cluster has. */
  readonly settings: StoredSettings;
  readonly secretHmac: Uint8Array;
  readonly creator: string;
  readonly expiresAt: number;
  readonly now: number;
}

/**
 * Keeps a token for a cluster, which is made where there is none of that name.
 * @returns the cluster's id
 * @throws {Refusal} `conflict` while it is being disconnected
 */
export const keepConnectToken: Write<NewConnectToken, number> = {
  name: 'clusters.keep-connect-token',
  durability: 'durable',
  run: async (transaction, { cluster, settings, secretHmac, creator, expiresAt, now }) => {
    await lockTable(transaction, 'clusters');
    const present = await presentCluster(transaction, cluster);
    const id =
      present?.id ??
      (
        await transaction
          .insertInto('clusters')
          .values({ name: cluster, settings: '{}', checks: '[]', created_at: now })
          .returning('id')
          .executeTakeFirstOrThrow()
      ).id;
    await transaction
      .updateTable('clusters')
      .set({ settings: mergeSettings(present?.settings ?? '{}', settings) })
      .where('id', '=', id)
      .execute();
    await transaction
      .insertInto('cluster_tokens')
      .values({
        cluster_id: id,
        secret_hmac: secretHmac,
        creator,
        created_at: now,
        expires_at: expiresAt,
      })
      .execute();
    const kept = await transaction
      .selectFrom('cluster_tokens')
      .select('id')
      .where('cluster_id', '=', id)
      .orderBy('id', 'desc')
      .limit(mostTokens)
      .execute();
    await transaction
      .deleteFrom('cluster_tokens')
      .where('cluster_id', '=', id)
      .where('id', '<', Math.min(...kept.map((token) => token.id)))
      .execute();
    return id;
  },
};

/** One that is disconnected, and kept for whoever reads what is left in it, makes room. */
async function presentCluster(transaction: Transaction, name: string) {
  const row = await transaction
    .selectFrom('clusters')
    .select(['id', 'settings', 'disconnecting_at', 'left_behind'])
    .where('name', '=', name)
    .executeTakeFirst();
  if (row === undefined || row.disconnecting_at === null) return row;
  if (!disconnectionOf(row.left_behind).done) throw beingDisconnected(name, row.left_behind);
  await forget(transaction, row.id, name);
  return undefined;
}

/** Notes that the manifests were fetched with a token. */
export const noteTokenShown: Write<
  { readonly id: number; readonly address: string; readonly now: number },
  void
> = {
  name: 'clusters.note-token-shown',
  durability: 'durable',
  run: async (transaction, { id, address, now }) => {
    await transaction
      .updateTable('cluster_tokens')
      .set({ shown_at: now, shown_to: address })
      .where('id', '=', id)
      .execute();
  },
};

/** Notes, for tokens whose manifests were fetched and whose agents have not come yet. */
export const noteHandshakeFailure: Write<{ readonly address: string; readonly now: number }, void> =
  {
    name: 'clusters.note-handshake-failure',
    durability: 'durable',
    run: async (transaction, { address, now }) => {
      await transaction
        .updateTable('cluster_tokens')
        .set({ distrusted_by: address })
        .where('shown_at', 'is not', null)
        .where('used_at', 'is', null)
        .where('expires_at', '>', now)
        .execute();
    },
  };
