import { sql } from 'kysely';
import type pg from 'pg';
import type { Reader, Transaction } from '../database.ts';
import { readerOver } from '../handles.ts';
import { migrate, versionOf } from '../migrations/migrate.ts';
import { lendFrom } from './connection.ts';
import { openPool } from './pool.ts';
import { checkServer, explainRights, lockSchema } from './schema.ts';
import { runTransaction } from './transaction.ts';

/** The schema version of the database at `url`; undefined when it is empty. Changes nothing. */
export function postgresSchemaVersion(url: string): Promise<number | undefined> {
  return withPool(url, (pool) => schemaVersion(readerOver('postgres', lendFrom(pool))));
}

/** Makes the tables of the database at `url`, which is empty, and their rows in one transaction. */
export function fillPostgresDatabase<Result>(
  url: string,
  version: number,
  fill: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  return withPool(url, (pool) =>
    runTransaction(pool, 'durable', 'Filling a database', async (transaction) => {
      await lockSchema(transaction);
      const holds = ['durable', 'transient'] as const;
      await migrate({ dialect: 'postgres', holds, transaction }, version);
      return fill(transaction);
    }),
  );
}

async function schemaVersion(read: Reader): Promise<number | undefined> {
  const { rows } = await sql<{ present: number }>`
    select to_regclass('schema_migrations') is not null as present`.execute(read);
  return rows[0]?.present === 1 ? versionOf(read) : undefined;
}

async function withPool<Result>(url: string, use: (pool: pg.Pool) => Promise<Result>) {
  const pool = openPool(url);
  try {
    await checkServer(pool);
    return await use(pool);
  } catch (error) {
    throw explainRights(error);
  } finally {
    await pool.end();
  }
}
