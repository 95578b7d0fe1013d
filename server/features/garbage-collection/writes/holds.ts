import type { Write } from '#server/database/database.ts';
import { lockTable } from '#server/database/locking.ts';

export interface HoldDeletions {
  /** Unique to this hold. */
  readonly id: string;
  readonly reason: string;
  readonly leaseUntil: number;
  readonly now: number;
}

/** Deletions of files that had begun before: none is under way any more from then on. */
export interface DeletionsUnderWay {
  readonly underWayUntil: number | undefined;
}

/**
 * From here on no deletion of a blob's file begins until the hold is released or its lease ends.
 * Those that had begun may still go on: ask `deletionsUnderWay` until there is none.
 */
export const holdDeletions: Write<HoldDeletions, DeletionsUnderWay> = {
  name: 'garbageCollection.holdDeletions',
  durability: 'durable',
  async run(transaction, { id, reason, leaseUntil, now }) {
    await lockTable(transaction, 'deletion_holds');
    await transaction.deleteFrom('deletion_holds').where('lease_until', '<=', now).execute();
    await transaction
      .insertInto('deletion_holds')
      .values({ id, reason, lease_until: leaseUntil })
      .execute();
    const row = await transaction
      .selectFrom('deletions')
      .select((row) => row.fn.max('lease_until').as('until'))
      .where('lease_until', '>', now)
      .executeTakeFirst();
    return { underWayUntil: row?.until ?? undefined };
  },
};

export interface RenewDeletionHold {
  readonly id: string;
  readonly leaseUntil: number;
  readonly now: number;
}

/** False when the hold has ended: files may have been deleted since, so take what it kept again. */
export const renewDeletionHold: Write<RenewDeletionHold, boolean> = {
  name: 'garbageCollection.renewDeletionHold',
  durability: 'durable',
  async run(transaction, { id, leaseUntil, now }) {
    await lockTable(transaction, 'deletion_holds');
    const { numUpdatedRows } = await transaction
      .updateTable('deletion_holds')
      .set({ lease_until: leaseUntil })
      .where('id', '=', id)
      .where('lease_until', '>', now)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  },
};

export const releaseDeletionHold: Write<{ readonly id: string }, void> = {
  name: 'garbageCollection.releaseDeletionHold',
  durability: 'durable',
  async run(transaction, { id }) {
    await transaction.deleteFrom('deletion_holds').where('id', '=', id).execute();
  },
};

export interface BeginDeletions {
  readonly id: string;
  readonly leaseUntil: number;
  readonly now: number;
}

/** Allows its holder to delete files until the lease ends, or says why it has to wait. */
export const beginDeletions: Write<
  BeginDeletions,
  { readonly allowed: true } | { readonly allowed: false; readonly reason: string }
> = {
  name: 'garbageCollection.beginDeletions',
  durability: 'durable',
  async run(transaction, { id, leaseUntil, now }) {
    await lockTable(transaction, 'deletion_holds');
    const hold = await transaction
      .selectFrom('deletion_holds')
      .select('reason')
      .where('lease_until', '>', now)
      .executeTakeFirst();
    if (hold !== undefined) {
      // Who asks deletes nothing at that moment, so the hold need not wait for its earlier lease.
      await transaction.deleteFrom('deletions').where('id', '=', id).execute();
      return { allowed: false, reason: hold.reason };
    }
    await transaction.deleteFrom('deletions').where('lease_until', '<=', now).execute();
    await transaction
      .insertInto('deletions')
      .values({ id, lease_until: leaseUntil })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ lease_until: leaseUntil }))
      .execute();
    return { allowed: true };
  },
};

export const endDeletions: Write<{ readonly id: string }, void> = {
  name: 'garbageCollection.endDeletions',
  durability: 'durable',
  async run(transaction, { id }) {
    await transaction.deleteFrom('deletions').where('id', '=', id).execute();
  },
};
