import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';
import type { Lend } from '../handles.ts';

/** Enough for every query of the program; lists of varying length come and go. */
const cachedStatements = 512;

export type Row = Record<string, unknown>;

interface CachedStatement {
  readonly statement: StatementSync;
  /** The names of what it returns; none for a statement that returns no rows. */
  readonly columns: readonly string[];
}

/** One SQLite connection that keeps its prepared statements. */
export interface SqliteConnection {
  /** Runs SQL that has no parameters and returns nothing. */
  run(sql: string): void;
  /** The first row of a query that is prepared now and kept. */
  first(sql: string): (parameters: readonly unknown[]) => Row | undefined;
  readonly lend: Lend;
  /** False after SQLite has rolled a whole transaction back by itself, as it may when space ends. */
  isInTransaction(): boolean;
  close(): void;
}

/**
 * Opens the file at `path`, which is made when it is absent.
 * @param pragmas run once, in order.
 */
export function openConnection(path: string, pragmas: readonly string[]): SqliteConnection {
  const database = new DatabaseSync(path, { timeout: 10_000, enableForeignKeyConstraints: true });
  const cache = new Map<string, CachedStatement>();
  for (const pragma of pragmas) database.exec(`pragma ${pragma}`);

  function prepare(sql: string): CachedStatement {
    const statement = database.prepare(sql);
    const columns = statement.columns().map((column) => column.name);
    // Rows as arrays, because those that node:sqlite makes of objects have no prototype.
    statement.setReturnArrays(true);
    return { statement, columns };
  }

  function cached(sql: string): CachedStatement {
    const present = cache.get(sql);
    if (present) return present;
    const prepared = prepare(sql);
    cache.set(sql, prepared);
    const [oldest] = cache.keys();
    if (cache.size > cachedStatements && oldest !== undefined) cache.delete(oldest);
    return prepared;
  }

  function execute<R>(query: CompiledQuery): QueryResult<R> {
    const { statement, columns } = cached(query.sql);
    if (columns.length === 0) {
      const { changes, lastInsertRowid } = statement.run(...inputs(query.parameters));
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    }
    const values = statement.all(...inputs(query.parameters)) as unknown as unknown[][];
    return { rows: values.map((row) => toRow(columns, row)) as R[] };
  }

  const connection: DatabaseConnection = {
    executeQuery: async (query) => execute(query),
    // A statement left half read would hold its snapshot over every later read of this connection.
    async *streamQuery() {
      yield await Promise.reject(new Error('Rows cannot be streamed: read them page by page'));
    },
  };

  return {
    run(sql) {
      cached(sql).statement.run();
    },
    first(sql) {
      const { statement, columns } = prepare(sql);
      return (parameters) => {
        const values = statement.get(...inputs(parameters)) as unknown as unknown[] | undefined;
        return values && toRow(columns, values);
      };
    },
    lend: (use) => use(connection),
    isInTransaction: () => database.isTransaction,
    close: () => database.close(),
  };
}

function inputs(parameters: readonly unknown[]): SQLInputValue[] {
  // SQLite itself refuses, by name, a value that it cannot bind.
  return parameters as SQLInputValue[];
}

function toRow(columns: readonly string[], values: readonly unknown[]): Row {
  const row: Row = {};
  for (let index = 0; index < columns.length; index++) {
    row[columns[index] as string] = values[index];
  }
  return row;
}
