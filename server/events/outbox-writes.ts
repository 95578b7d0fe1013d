import type { AnyWrite, Write } from '#server/database/database.ts';
import { forUpdateSkipLocked } from '#server/database/locking.ts';

/** How often an event is brought to its subscribers before it is left aside. */
export const maximumAttempts = 8;

/** A lease that never ends: the event stays for people to see, out of the way of the others. */
const forEver = Number.MAX_SAFE_INTEGER;

export interface ClaimedEvent {
  readonly id: number;
  readonly type: string;
  readonly payload: string;
  /** This one included. */
  readonly attempts: number;
}

export interface ClaimEvents {
  readonly now: number;
  readonly leaseUntil: number;
  readonly limit: number;
}

/**
 * Takes due events for one process. An attempt counts from here, so that an event which ends its
 * process is not brought for ever.
 */
export const claimEvents: Write<ClaimEvents, readonly ClaimedEvent[]> = {
  name: 'events.claim',
  durability: 'durable',
  async run(transaction, { now, leaseUntil, limit }) {
    const rows = await forUpdateSkipLocked(
      transaction,
      transaction
        .selectFrom('events')
        .select(['id', 'type', 'payload', 'attempts'])
        .where('lease_until', '<=', now)
        .where('attempts', '<', maximumAttempts)
        .orderBy('id')
        .limit(limit),
    ).execute();
    if (rows.length === 0) return [];
    await transaction
      .updateTable('events')
      .set((column) => ({ lease_until: leaseUntil, attempts: column('attempts', '+', 1) }))
      .where(
        'id',
        'in',
        rows.map(({ id }) => id),
      )
      .execute();
    return rows.map((row) => ({ ...row, attempts: row.attempts + 1 }));
  },
};

export interface RenewEvents {
  readonly ids: readonly number[];
  readonly leaseUntil: number;
}

export const renewEvents: Write<RenewEvents, void> = {
  name: 'events.renew',
  durability: 'durable',
  async run(transaction, { ids, leaseUntil }) {
    await transaction
      .updateTable('events')
      .set({ lease_until: leaseUntil })
      .where('id', 'in', ids)
      .execute();
  },
};

export interface SettleEvents {
  /** Every subscriber has heard these. */
  readonly heard: readonly number[];
  readonly failed: readonly { readonly id: number; readonly retryAt: number | 'never' }[];
  /** Nobody has been told of these yet: they are as if never claimed. */
  readonly untouched: readonly number[];
}

export const settleEvents: Write<SettleEvents, void> = {
  name: 'events.settle',
  durability: 'durable',
  async run(transaction, { heard, failed, untouched }) {
    if (heard.length > 0) {
      await transaction.deleteFrom('events').where('id', 'in', heard).execute();
    }
    for (const { id, retryAt } of failed) {
      await transaction
        .updateTable('events')
        .set({ lease_until: retryAt === 'never' ? forEver : retryAt })
        .where('id', '=', id)
        .execute();
    }
    if (untouched.length > 0) {
      await transaction
        .updateTable('events')
        .set((column) => ({ lease_until: 0, attempts: column('attempts', '-', 1) }))
        .where('id', 'in', untouched)
        .execute();
    }
  },
};

export const eventWrites: readonly AnyWrite[] = [claimEvents, renewEvents, settleEvents];
