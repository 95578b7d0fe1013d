import { Refusal } from '#lib/errors.ts';
import type { Transaction } from '#server/database/database.ts';
import { forUpdate } from '#server/database/locking.ts';
import { disconnectionOf } from '../disconnection.ts';
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
      .select(['id', 'settings', 'disconnecting_at', 'left_behind'])
      .where('name', '=', name),
  ).executeTakeFirst();
  if (row === undefined) throw unknownCluster(name);
  return row;
}

/** @param leftBehind as `clusters.left_behind` holds it */
export function beingDisconnected(name: string, leftBehind: string | null): Refusal {
  const waits = disconnectionOf(leftBehind).waits_for.length > 0;
  return new Refusal(
    'conflict',
    waits
      ? `The cluster ${name} is being disconnected, and waits for nodes whose kubelets name the credential provider: berth cluster status ${name} says what to do there. Or end it with berth cluster disconnect ${name} --leave-provider, and run this again.`
      : `The cluster ${name} is being disconnected: wait until berth cluster list shows it no more, or end it with berth cluster disconnect ${name} --force.`,
  );
}
