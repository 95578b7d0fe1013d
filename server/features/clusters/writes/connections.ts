import { Refusal } from '#lib/errors.ts';
import type { Write } from '#server/database/database.ts';
import { forUpdate } from '#server/database/locking.ts';

export interface NewConnection {
  readonly cluster: number;
  readonly identity: number;
  /** Drawn for this connection. */
  readonly connection: string;
  readonly now: number;
}

/**
 * Gives the cluster to a connection, whoever had it before. The identity's first use ends the one
 * before it.
 * @throws {Refusal} `unauthenticated` when the identity has just ended
 */
export const connectAgent: Write<NewConnection, void> = {
  name: 'clusters.connect-agent',
  durability: 'durable',
  run: async (transaction, { cluster, identity, connection, now }) => {
    const row = await forUpdate(
      transaction,
      transaction
        .selectFrom('agent_identities')
        .select('first_used_at')
        .where('id', '=', identity)
        .where('cluster_id', '=', cluster),
    ).executeTakeFirst();
    if (row === undefined) {
      throw new Refusal('unauthenticated', 'This identity has just been replaced by another.');
    }
    if (row.first_used_at === null) {
      await transaction
        .updateTable('agent_identities')
        .set({ first_used_at: now })
        .where('id', '=', identity)
        .execute();
      await transaction
        .deleteFrom('agent_identities')
        .where('cluster_id', '=', cluster)
        .where('id', '<', identity)
        .execute();
    }
    await transaction
      .updateTable('clusters')
      .set({ connection, seen_at: now })
      .where('id', '=', cluster)
      .execute();
  },
};

export interface HeldConnection {
  readonly cluster: number;
  readonly connection: string;
}

/** Renews the time at which the agents of a process were last known to be there. */
export const renewConnections: Write<
  { readonly held: readonly HeldConnection[]; readonly now: number },
  void
> = {
  name: 'clusters.renew-connections',
  durability: 'durable',
  run: async (transaction, { held, now }) => {
    // In one order everywhere, so that processes do not wait for each other in a circle.
    for (const { cluster, connection } of held.toSorted((a, b) => a.cluster - b.cluster)) {
      await transaction
        .updateTable('clusters')
        .set({ seen_at: now })
        .where('id', '=', cluster)
        .where('connection', '=', connection)
        .execute();
    }
  },
};

/** The connection has ended, when it was seen last; one that took over from it stays. */
export const releaseConnection: Write<HeldConnection & { readonly seenAt: number }, void> = {
  name: 'clusters.release-connection',
  durability: 'durable',
  run: async (transaction, { cluster, connection, seenAt }) => {
    await transaction
      .updateTable('clusters')
      .set({ connection: null, seen_at: seenAt })
      .where('id', '=', cluster)
      .where('connection', '=', connection)
      .execute();
  },
};

/**
 * Adds an identity beside the one in use, in the place of one that nobody has used yet.
 * @throws {Refusal} `not-found`
 */
export const renewIdentity: Write<
  { readonly cluster: number; readonly identityHmac: Uint8Array; readonly now: number },
  void
> = {
  name: 'clusters.renew-identity',
  durability: 'durable',
  run: async (transaction, { cluster, identityHmac, now }) => {
    const row = await forUpdate(
      transaction,
      transaction.selectFrom('clusters').select('id').where('id', '=', cluster),
    ).executeTakeFirst();
    if (row === undefined) {
      throw new Refusal('not-found', 'This cluster has just been disconnected.');
    }
    await transaction
      .deleteFrom('agent_identities')
      .where('cluster_id', '=', cluster)
      .where('first_used_at', 'is', null)
      .execute();
    await transaction
      .insertInto('agent_identities')
      .values({ cluster_id: cluster, secret_hmac: identityHmac, created_at: now })
      .execute();
  },
};
