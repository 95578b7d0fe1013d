import { CompiledQuery, PostgresAdapter, type RawBuilder, sql } from 'kysely';
import type { Reader, Transaction } from '../database.ts';
import type { DurableTable } from './durable-tables.ts';

/** A page holds as many rows as fit into both; a row of any size fits alone. */
const pageRows = 1000;
const pageBytes = 8 * 1024 * 1024;
/** SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535. */
const statementParameters = 30_000;

type Row = Readonly<Record<string, unknown>>;

/** Called after each page, with the rows that it added. */
export type RowsCopied = (table: string, rows: number) => void;

/**
 * Copies every row of `tables`, in their order, from one database to another of whichever dialect,
 * in bounded memory. What `to` holds in them is lost.
 * @returns rows by table
 */
export async function copyRows(options: {
  readonly from: Reader;
  readonly to: Transaction;
  readonly tables: readonly DurableTable[];
  readonly onRows: RowsCopied;
}): Promise<Record<string, number>> {
  const { from, to, tables, onRows } = options;
  // Migrations put rows in too.
  for (const table of tables.toReversed()) {
    await sql`delete from ${sql.table(table.name)}`.execute(to);
  }
  const copied: Record<string, number> = {};
  for (const table of tables) {
    copied[table.name] = 0;
    for await (const rows of pagesOf(from, table)) {
      await insert(to, table, rows);
      copied[table.name] = (copied[table.name] ?? 0) + rows.length;
      onRows(table.name, rows.length);
    }
    const counter = table.counted ? await readCounter(from, table.name) : undefined;
    if (counter !== undefined) await writeCounter(to, table.name, counter);
  }
  return copied;
}

async function* pagesOf(from: Reader, table: DurableTable): AsyncGenerator<readonly Row[]> {
  const name = sql.table(table.name);
  const keys = sql.join(table.key.map((column) => sql.ref(column)));
  const columns = sql.join(table.columns.map((column) => sql.ref(column)));
  let after: readonly unknown[] | undefined;
  for (;;) {
    const behind = after === undefined ? sql`` : sql`where (${keys}) > (${sql.join(after)})`;
    // Sizes first, which neither dialect reads the values for: a thousand large rows must not be
    // read at once.
    const { rows: sizes } = await sql<Row>`
      select ${keys}, ${widthOf(table)} as copied_width from ${name} ${behind}
      order by ${keys} limit ${sql.lit(pageRows)}`.execute(from);
    const last = lastThatFits(sizes);
    if (last === undefined) return;
    const end = table.key.map((column) => last[column]);
    const { rows } = await sql<Row>`
      select ${columns} from ${name} ${after === undefined ? sql`where` : sql`${behind} and`}
      (${keys}) <= (${sql.join(end)}) order by ${keys}`.execute(from);
    yield rows;
    after = end;
  }
}

function widthOf({ wide }: DurableTable): RawBuilder<number> {
  const widths = wide.map((column) => sql`coalesce(octet_length(${sql.ref(column)}), 0)`);
  return widths.length === 0 ? sql<number>`0` : sql<number>`${sql.join(widths, sql` + `)}`;
}

function lastThatFits(sizes: readonly Row[]): Row | undefined {
  let bytes = 0;
  let last: Row | undefined;
  for (const row of sizes) {
    bytes += Number(row.copied_width);
    if (last !== undefined && bytes > pageBytes) break;
    last = row;
  }
  return last;
}

async function insert(to: Transaction, table: DurableTable, rows: readonly Row[]): Promise<void> {
  const atOnce = Math.floor(statementParameters / table.columns.length);
  for (let start = 0; start < rows.length; start += atOnce) {
    const part = rows.slice(start, start + atOnce);
    const values = part.flatMap((row) => table.columns.map((column) => row[column]));
    // Spelled here rather than built, which would take longer than to run it.
    await to.executeQuery(CompiledQuery.raw(insertStatement(to, table, part.length), values));
  }
}

function insertStatement(to: Transaction, { name, columns }: DurableTable, rows: number): string {
  let count = 0;
  const placeholder = isPostgres(to) ? () => `$${++count}` : () => '?';
  const row = () => `(${columns.map(placeholder).join(', ')})`;
  const names = columns.map((column) => `"${column}"`).join(', ');
  return `insert into "${name}" (${names}) values ${Array.from({ length: rows }, row).join(', ')}`;
}

/** The highest id that was ever given in a table. */
async function readCounter(from: Reader, table: string): Promise<number | undefined> {
  const { rows } = isPostgres(from)
    ? await sql<{ value: number | null }>`
        select pg_sequence_last_value(pg_get_serial_sequence(${table}, 'id')::regclass) as value`.execute(
        from,
      )
    : await sql<{ value: number | null }>`
        select seq as value from sqlite_sequence where name = ${table}`.execute(from);
  return rows[0]?.value ?? undefined;
}

async function writeCounter(to: Transaction, table: string, value: number): Promise<void> {
  if (isPostgres(to)) {
    await sql`select setval(pg_get_serial_sequence(${table}, 'id')::regclass, ${value})`.execute(
      to,
    );
    return;
  }
  await sql`delete from sqlite_sequence where name = ${table}`.execute(to);
  await sql`insert into sqlite_sequence (name, seq) values (${table}, ${value})`.execute(to);
}

function isPostgres(database: Reader): boolean {
  return database.getExecutor().adapter instanceof PostgresAdapter;
}
