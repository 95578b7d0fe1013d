import { sql } from 'kysely';
import type pg from 'pg';
import { Refusal, systemErrorCode } from '#lib/errors.ts';
import type { Transaction } from '../database.ts';
import { withClient } from './connection.ts';

/** Any number that no other program of the same database uses. */
const migrationLock = 0x6265_7274;

/** Shuts out everybody else who would change the schema, until the transaction ends. */
export async function lockSchema(transaction: Transaction): Promise<void> {
  await sql`set local statement_timeout = 0; set local lock_timeout = 0`.execute(transaction);
  await sql`select pg_advisory_xact_lock(${migrationLock})`.execute(transaction);
}

/** Since PostgreSQL 15 only the owner of a database makes tables in it. */
export function explainRights(error: unknown): unknown {
  const insufficientPrivilege = '42501';
  if (systemErrorCode(error) !== insufficientPrivilege) return error;
  return new Refusal(
    'unavailable',
    'The user of BERTH_DATABASE_URL may not make tables in that database: make the user its owner with `alter database NAME owner to USER`.',
    { cause: error },
  );
}

/** @throws {Refusal} `unavailable` with what the administrator has to mend. */
export async function checkServer(pool: pg.Pool): Promise<void> {
  const encoding = await withClient(pool, async (client) => {
    const { rows } = await client.query<{ server_encoding: string }>('show server_encoding');
    return rows[0]?.server_encoding;
  }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message || String(error) : String(error);
    throw new Refusal(
      'unavailable',
      `PostgreSQL refused the connection (${reason}): check BERTH_DATABASE_URL, and that the server runs.`,
      { cause: error },
    );
  });
  if (encoding !== 'UTF8') {
    throw new Refusal(
      'unavailable',
      `The PostgreSQL database has the encoding ${encoding}: make one with \`createdb --encoding=UTF8 --template=template0 berth\`, and name it in BERTH_DATABASE_URL.`,
    );
  }
}
