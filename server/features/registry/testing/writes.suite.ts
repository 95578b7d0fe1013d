import { sql } from 'kysely';
import { writes as everyWrite } from '#server/app/writes.ts';
import type { AnyWrite, Write } from '#server/database/database.ts';
import type { Tables } from '#server/database/tables.ts';

/** Makes the links of a blob as old as `linkedAt` says. */
export const ageBlobLinks: Write<{ readonly digest: string; readonly linkedAt: number }, void> = {
  name: 'testing.ageBlobLinks',
  durability: 'durable',
  async run(transaction, { digest, linkedAt }) {
    await transaction
      .updateTable('repository_blobs')
      .set({ linked_at: linkedAt })
      .where('blob_id', 'in', (blobs) =>
        blobs.selectFrom('blobs').select('id').where('digest', '=', digest),
      )
      .execute();
  },
};

type Values = Readonly<Record<string, number | string | Uint8Array | null>>;

/** Changes rows as nothing in the server does, for what a disk or a hand at the database may do. */
export const tamper: Write<
  { readonly table: keyof Tables; readonly where: Values; readonly set: Values | 'deleted' },
  number
> = {
  name: 'testing.tamper',
  durability: 'durable',
  async run(transaction, { table, where, set }) {
    const matches = sql.join(
      Object.entries(where).map(([column, value]) => sql`${sql.ref(column)} = ${value}`),
      sql` and `,
    );
    const change =
      set === 'deleted'
        ? sql`delete from ${sql.table(table)}`
        : sql`update ${sql.table(table)} set ${sql.join(
            Object.entries(set).map(([column, value]) => sql`${sql.ref(column)} = ${value}`),
          )}`;
    const { numAffectedRows } = await sql`${change} where ${matches}`.execute(transaction);
    return Number(numAffectedRows ?? 0);
  },
};

/** Takes blobs that no repository links, without any grace; answers where their bytes lie. */
export const takeUnlinkedBlobs: Write<void, readonly string[]> = {
  name: 'testing.takeUnlinkedBlobs',
  durability: 'durable',
  async run(transaction) {
    const rows = await transaction
      .deleteFrom('blobs')
      .where('state', '=', 'live')
      .where('id', 'not in', (links) => links.selectFrom('repository_blobs').select('blob_id'))
      .returning('storage_key')
      .execute();
    return rows.map((row) => row.storage_key);
  },
};

export const writes: readonly AnyWrite[] = [...everyWrite, ageBlobLinks, tamper, takeUnlinkedBlobs];
