import { createHash } from 'node:crypto';
import { type Compilable, sql } from 'kysely';
import type pg from 'pg';
import { Refusal, systemErrorCode } from '#lib/errors.ts';
import type {
  Database,
  Placeholder,
  PreparedQuery,
  Reader,
  Transaction,
  Write,
} from '../database.ts';
import { readerOver } from '../handles.ts';
import { migrate } from '../migrations/migrate.ts';
import { compilePrepared } from '../prepared.ts';
import { checkRegistered, loadWrites } from '../registered-writes.ts';
import { lendFrom, withClient } from './connection.ts';
import { toRefusal } from './failures.ts';
import { openPool } from './pool.ts';
import { runTransaction } from './transaction.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** The module that exports `writes: readonly AnyWrite[]`. */
  readonly writes: URL;
}

/** Any number that no other program of the same database uses. */
const migrationLock = 0x6265_7274;

/** Connects to, and migrates, the database at `url`. */
export async function openPostgresDatabase({ url, writes }: PostgresOptions): Promise<Database> {
  const registered = await loadWrites(writes);
  const pool = openPool(url);
  try {
    await checkServer(pool);
    await runTransaction(pool, 'durable', 'A migration', bringUpToDate);
  } catch (error) {
    await pool.end();
    throw explainRights(error);
  }
  const read = readerOver('postgres', lendFrom(pool));
  return {
    dialect: 'postgres',
    read,
    async write<Input, Output>(operation: Write<Input, Output>, input: Input): Promise<Output> {
      checkRegistered(registered, operation);
      return runTransaction(pool, operation.durability, `The write ${operation.name}`, (it) =>
        operation.run(it, input),
      );
    },
    prepare<Arguments extends readonly unknown[], Row>(
      build: (read: Reader, placeholder: Placeholder) => Compilable<Row>,
    ): PreparedQuery<Arguments, Row> {
      const { sql: text, parameters } = compilePrepared(read, build);
      const name = createHash('sha256').update(text).digest('hex').slice(0, 32);
      return async (...callArguments) => {
        const values = [...parameters(callArguments)];
        try {
          const { rows } = await withClient(pool, (client) => client.query({ name, text, values }));
          return rows[0];
        } catch (error) {
          throw toRefusal(error);
        }
      };
    },
    close: () => pool.end(),
  };
}

async function bringUpToDate(transaction: Transaction): Promise<void> {
  await sql`set local statement_timeout = 0; set local lock_timeout = 0`.execute(transaction);
  await sql`select pg_advisory_xact_lock(${migrationLock})`.execute(transaction);
  await migrate({ dialect: 'postgres', holds: ['durable', 'transient'], transaction });
}

/** Since PostgreSQL 15 only the owner of a database makes tables in it. */
function explainRights(error: unknown): unknown {
  const insufficientPrivilege = '42501';
  if (systemErrorCode(error) !== insufficientPrivilege) return error;
  return new Refusal(
    'unavailable',
    'The user of BERTH_DATABASE_URL may not make tables in that database: make the user its owner with `alter database NAME owner to USER`.',
    { cause: error },
  );
}

/** @throws {Refusal} `unavailable` with what the administrator has to mend. */
async function checkServer(pool: pg.Pool): Promise<void> {
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
