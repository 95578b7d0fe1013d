import { PostgresAdapter, type SelectQueryBuilder, sql } from 'kysely';
import type { Transaction } from './database.ts';
import type { Tables } from './tables.ts';

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

/**
 * As `forShare` for the rows of one of the tables that are joined, leaving out those that somebody
 * else is about to change.
 */
export function forShareOfSkipLocked<DB, From extends keyof DB & string, Row>(
  transaction: Transaction,
  query: SelectQueryBuilder<DB, From, Row>,
  table: From,
): SelectQueryBuilder<DB, From, Row> {
  return locksRows(transaction) ? query.forShare(table).skipLocked() : query;
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

/**
 * Makes transactions that call this for the same table run one after the other, so that each sees
 * the rows of those before it. Readers do not wait.
 */
export async function lockTable(transaction: Transaction, table: keyof Tables): Promise<void> {
  if (!locksRows(transaction)) return;
  await sql`lock table ${sql.table(table)} in share row exclusive mode`.execute(transaction);
}
