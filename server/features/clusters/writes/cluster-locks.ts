import { Refusal } from '#lib/errors.ts';
import type { Transaction } from '#server/database/database.ts';
import { forUpdate } from '#server/database/locking.ts';
import { unknownCluster } from '../errors.ts';

/**
 * A cluster that nobody else changes until the transaction ends.
 * @throws {Refusal} `not-found`
 */
export async function lockCluster(transaction: Transaction, name: string) {
  const row = await forUpdate(
    transaction,
    transaction
      .selectFrom('clusters')
      .select(['id', 'settings', 'disconnecting_at'])
      .where('name', '=', name),
  ).executeTakeFirst();
  if (row === undefined) throw unknownCluster(name);
  return row;
}

export function beingDisconnected(name: string): Refusal {
  return new Refusal(
    'conflict',
    `The cluster ${name} is being disconnected: wait until berth cluster list shows it no more, or end it with berth cluster disconnect ${name} --force.`,
  );
}
