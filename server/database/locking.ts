import { PostgresAdapter, type SelectQueryBuilder } from 'kysely';
import type { Transaction } from './database.ts';

/**
 * Row locks for PostgreSQL. SQLite has none and needs none: a write is alone in its database, so
 * there the query comes back as it is.
 */
function locksRows(transaction: Transaction): boolean {
  return transaction.getExecutor().adapter instanceof PostgresAdapter;
}

/** Keeps the selected rows from being changed or deleted until the transaction ends. */
export function forShare<DB, From extends keyof DB, Row>(
  transaction: Transaction,
  query: SelectQueryBuilder<DB, From, Row>,
): SelectQueryBuilder<DB, From, Row> {
  return locksRows(transaction) ? query.forShare() : query;
}

/** Keeps the selected rows from others that would lock, change or delete them. */
export function forUpdate<DB, From extends keyof DB, Row>(
  transaction: Transaction,
  query: SelectQueryBuilder<DB, From, Row>,
): SelectQueryBuilder<DB, From, Row> {
  return locksRows(transaction) ? query.forUpdate() : query;
}

/** As `forUpdate`, leaving out the rows that somebody else holds: for claiming work. */
export function forUpdateSkipLocked<DB, From extends keyof DB, Row>(
  transaction: Transaction,
  query: SelectQueryBuilder<DB, From, Row>,
): SelectQueryBuilder<DB, From, Row> {
  return locksRows(transaction) ? query.forUpdate().skipLocked() : query;
}
