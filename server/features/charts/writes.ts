import type { Insertable } from 'kysely';
import type { AnyWrite, Write } from '#server/database/database.ts';
import type { ChartsTable } from '#server/database/registry-tables.ts';

export type StoreChart = Omit<Insertable<ChartsTable>, 'repository_id' | 'created_at'>;

/** Keeps what was read of a chart, unless its manifest has gone meanwhile. */
export const storeChart: Write<StoreChart, void> = {
  name: 'charts.store',
  durability: 'durable',
  async run(transaction, { manifest_id: manifestId, ...content }) {
    const manifest = await transaction
      .selectFrom('manifests')
      .select(['repository_id', 'created_at'])
      .where('id', '=', manifestId)
      .executeTakeFirst();
    if (manifest === undefined) return;
    await transaction
      .insertInto('charts')
      .values({ manifest_id: manifestId, ...manifest, ...content })
      .onConflict((conflict) => conflict.column('manifest_id').doUpdateSet(content))
      .execute();
  },
};

export const chartWrites: readonly AnyWrite[] = [storeChart];
