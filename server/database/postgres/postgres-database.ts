import { createHash } from 'node:crypto';
import type { Compilable } from 'kysely';
import type {
  Database,
  Placeholder,
  PreparedQuery,
  Reader,
  Transaction,
  Write,
} from '../database.ts';
import { readerOver } from '../handles.ts';
import { createMemory, type MemoryKey } from '../memory.ts';
import { migrate } from '../migrations/migrate.ts';
import { compilePrepared } from '../prepared.ts';
import { checkRegistered, loadWrites } from '../registered-writes.ts';
import { lendFrom, withClient } from './connection.ts';
import { toRefusal } from './failures.ts';
import { openPool } from './pool.ts';
import { createRefresh } from './refresh.ts';
import { checkServer, explainRights, lockSchema } from './schema.ts';
import { readSnapshot } from './snapshot.ts';
import { runTransaction } from './transaction.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** The module that exports `writes: readonly AnyWrite[]`. */
  readonly writes: URL;
  /** At a time, at most; 16 by default. */
  readonly connections?: number;
}

/** Connects to, and migrates, the database at `url`. */
export async function openPostgresDatabase(options: PostgresOptions): Promise<Database> {
  const { url, writes, connections } = options;
  const registered = await loadWrites(writes);
  const pool = openPool(url, connections);
  try {
    await checkServer(pool);
    await runTransaction(pool, 'durable', 'A migration', bringUpToDate);
  } catch (error) {
    await pool.end();
    throw explainRights(error);
  }
  const read = readerOver('postgres', lendFrom(pool));
  const memory = createMemory();

  function compile<Row>(build: (read: Reader, placeholder: Placeholder) => Compilable<Row>) {
    const { sql: text, parameters } = compilePrepared(read, build);
    const name = createHash('sha256').update(text).digest('hex').slice(0, 32);
    return async (callArguments: readonly unknown[]): Promise<Row | undefined> => {
      const values = [...parameters(callArguments)];
      try {
        const { rows } = await withClient(pool, (client) => client.query({ name, text, values }));
        return rows[0];
      } catch (error) {
        throw toRefusal(error);
      }
    };
  }

  return {
    dialect: 'postgres',
    read,
    async write<Input, Output>(operation: Write<Input, Output>, input: Input): Promise<Output> {
      checkRegistered(registered, operation);
      try {
        return await runTransaction(
          pool,
          operation.durability,
          `The write ${operation.name}`,
          (transaction) => operation.run(transaction, input),
        );
      } finally {
        memory.forget();
      }
    },
    prepare<Arguments extends readonly unknown[], Row>(
      build: (read: Reader, placeholder: Placeholder) => Compilable<Row>,
    ): PreparedQuery<Arguments, Row> {
      const first = compile(build);
      return (...callArguments) => first(callArguments);
    },
    snapshot: (use) => readSnapshot(pool, use),
    prepareRemembered: <Parameters extends readonly MemoryKey[], Row>(
      build: (read: Reader, placeholder: Placeholder) => Compilable<Row>,
    ): PreparedQuery<Parameters, Row> => memory.remembering<Parameters, Row>(compile(build)),
    refresh: createRefresh(pool, memory),
    remembered: memory.counts,
    pool: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => pool.end(),
  };
}

async function bringUpToDate(transaction: Transaction): Promise<void> {
  await lockSchema(transaction);
  await migrate({ dialect: 'postgres', holds: ['durable', 'transient'], transaction });
}
