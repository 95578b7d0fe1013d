import {
  type DatabaseConnection,
  DefaultQueryExecutor,
  type Dialect,
  DummyDriver,
  Kysely,
  type KyselyProps,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  Transaction as TransactionHandle,
} from 'kysely';
import type { Database, Reader, Transaction } from './database.ts';
import type { Tables } from './tables.ts';

/** Lends a connection for one statement. */
export type Lend = <Result>(
  use: (connection: DatabaseConnection) => Promise<Result>,
) => Promise<Result>;

class NoTransactions extends DummyDriver {
  override async beginTransaction(): Promise<void> {
    throw new Error('A transaction is a write: give it to the write method of the database');
  }
}

const driver = new NoTransactions();

const dialects: Record<Database['dialect'], Dialect> = {
  sqlite: {
    createDriver: () => driver,
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (database) => new SqliteIntrospector(database),
  },
  postgres: {
    createDriver: () => driver,
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (database) => new PostgresIntrospector(database),
  },
};

/** Typed SQL over connections that `lend` hands out. Closing them is their owner's affair. */
export function readerOver(dialect: Database['dialect'], lend: Lend): Reader {
  return new Kysely<Tables>(propsOver(dialect, lend));
}

/**
 * Typed SQL inside a transaction that the caller has begun on the connection that `lend` hands
 * out. After `end` it refuses every statement, so that a straggler cannot reach into the next
 * transaction of the same connection.
 */
export function transactionOver(
  dialect: Database['dialect'],
  lend: Lend,
  owner: string,
): { transaction: Transaction; end: () => void } {
  let ended = false;
  const transaction = new TransactionHandle<Tables>(
    propsOver(dialect, async (use) => {
      if (ended) throw new Error(`${owner} used its transaction after the transaction had ended`);
      return lend(use);
    }),
  );
  return {
    transaction,
    end: () => {
      ended = true;
    },
  };
}

function propsOver(name: Database['dialect'], lend: Lend): KyselyProps {
  const dialect = dialects[name];
  const executor = new DefaultQueryExecutor(
    dialect.createQueryCompiler(),
    dialect.createAdapter(),
    { provideConnection: lend },
  );
  return { config: { dialect }, dialect, driver, executor };
}
