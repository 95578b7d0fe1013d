import { sql } from 'kysely';
import type { Reader } from '../database.ts';

export interface DurableTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** The columns that a row may have much in: texts and bytes. */
  readonly wide: readonly string[];
  /** The primary key, in its order. */
  readonly key: readonly string[];
  /** Whether its ids are counted up and never used twice. */
  readonly counted: boolean;
}

interface Column {
  readonly name: string;
  readonly type: string;
  /** Place in the primary key, from 1; 0 outside of it. */
  readonly pk: number;
}

/**
 * Every durable table of the SQLite database that `read` reads, read from the schema itself, so
 * that no table of a later migration is ever forgotten. A table stands behind those that it refers to.
 */
export async function durableTables(read: Reader): Promise<readonly DurableTable[]> {
  const { rows } = await sql<{ name: string; sql: string }>`
    select name, sql from sqlite_schema
    where type = 'table' and name not like 'sqlite_%' and name <> 'schema_migrations'
    order by name`.execute(read);
  const tables = new Map<string, DurableTable & { readonly parents: readonly string[] }>();
  for (const { name, sql: definition } of rows) {
    const columns =
      await sql<Column>`select name, type, pk from pragma_table_info(${name})`.execute(read);
    const parents = await sql<{ table: string }>`
      select distinct "table" from pragma_foreign_key_list(${name})`.execute(read);
    const key = columns.rows.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk);
    tables.set(name, {
      name,
      columns: columns.rows.map((column) => column.name),
      wide: columns.rows
        .filter(({ type }) => ['TEXT', 'BLOB'].includes(type.toUpperCase()))
        .map((column) => column.name),
      key: key.map((column) => column.name),
      counted: / autoincrement/i.test(definition),
      parents: parents.rows.map((parent) => parent.table).filter((parent) => parent !== name),
    });
  }
  const ordered = new Set<DurableTable>();
  const place = (name: string) => {
    const table = tables.get(name);
    if (table === undefined || ordered.has(table)) return;
    for (const parent of table.parents) place(parent);
    ordered.add(table);
  };
  for (const name of tables.keys()) place(name);
  return [...ordered];
}
