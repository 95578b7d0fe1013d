import type { Transaction, Write } from '#server/database/database.ts';
import { forShare } from '#server/database/locking.ts';

export interface RenewManifestLease {
  readonly id: number;
  readonly now: number;
}

/** Keeps a manifest from being collected a while longer. False when it is gone by now. */
export const renewManifestLease: Write<RenewManifestLease, boolean> = {
  name: 'registry.renewManifestLease',
  durability: 'durable',
  async run(transaction, { id, now }) {
    const present = await forShare(
      transaction,
      transaction.selectFrom('manifests').select('id').where('id', '=', id),
    ).executeTakeFirst();
    if (present === undefined) return false;
    await leaseManifests(transaction, [id], now);
    return true;
  },
};

/** The manifests are locked by then. */
export async function leaseManifests(
  transaction: Transaction,
  ids: readonly number[],
  now: number,
): Promise<void> {
  if (ids.length === 0) return;
  await transaction
    .insertInto('manifest_leases')
    .values([...new Set(ids)].map((id) => ({ manifest_id: id, leased_at: now })))
    .onConflict((conflict) => conflict.column('manifest_id').doUpdateSet({ leased_at: now }))
    .execute();
}
