import type { Write } from '#server/database/database.ts';

export interface AbandonUploads {
  readonly keys: readonly string[];
  readonly now: number;
}

/** Forgets the uploads of `keys` that no request works on, and tells which are worked on. */
export const abandonUploads: Write<AbandonUploads, readonly string[]> = {
  name: 'garbageCollection.abandonUploads',
  durability: 'transient',
  async run(transaction, { keys, now }) {
    await transaction
      .deleteFrom('uploads')
      .where('storage_key', 'in', keys)
      .where('lease_until', '<=', now)
      .execute();
    const left = await transaction
      .selectFrom('uploads')
      .select('storage_key as key')
      .where('storage_key', 'in', keys)
      .execute();
    return left.map(({ key }) => key);
  },
};
