import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';
import type pg from 'pg';
import type { Lend } from '../handles.ts';
import { isConnectionLoss, toRefusal } from './failures.ts';

const writing: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/** Runs `use` on a client of its own, which goes back to the pool unless its connection is lost. */
export async function withClient<Result>(
  pool: pg.Pool,
  use: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let lost = false;
  try {
    return await use(client);
  } catch (error) {
    lost = isConnectionLoss(error);
    throw error;
  } finally {
    client.release(lost);
  }
}

/** Lends any client of the pool for each statement. */
export function lendFrom(pool: pg.Pool): Lend {
  return async (use) => {
    try {
      return await withClient(pool, (client) => use(connectionOver(client)));
    } catch (error) {
      throw toRefusal(error);
    }
  };
}

/** Lends `client` for each statement of a transaction, one at a time. */
export function lendOnly(client: pg.PoolClient): Lend {
  const connection = connectionOver(client);
  let last: Promise<unknown> = Promise.resolve();
  return (use) => {
    const result = last.then(() => use(connection));
    last = result.catch(() => {});
    return result;
  };
}

function connectionOver(client: pg.PoolClient): DatabaseConnection {
  return {
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const { command, rowCount, rows } = await client.query(sql, [...parameters]);
      return writing.has(command) ? { rows, numAffectedRows: BigInt(rowCount ?? 0) } : { rows };
    },
    async *streamQuery() {
      yield await Promise.reject(new Error('Rows cannot be streamed: read them page by page'));
    },
  };
}
