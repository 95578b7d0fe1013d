import type { Write } from '#server/database/database.ts';

export interface CreateUpload {
  readonly id: string;
  readonly repository: string;
  readonly storageKey: string;
  readonly now: number;
}

export const createUpload: Write<CreateUpload, void> = {
  name: 'registry.createUpload',
  durability: 'transient',
  async run(transaction, { id, repository, storageKey, now }) {
    await transaction
      .insertInto('uploads')
      .values({
        id,
        repository,
        storage_key: storageKey,
        offset: 0,
        lease_until: 0,
        created_at: now,
        updated_at: now,
      })
      .execute();
  },
};

/** An open upload, as its row tells. */
export interface Upload {
  readonly storageKey: string;
  readonly offset: number;
}

export interface LeaseUpload {
  readonly id: string;
  readonly repository: string;
  readonly leaseUntil: number;
  readonly now: number;
}

/** Takes an upload for one request at a time. */
export const leaseUpload: Write<LeaseUpload, Upload | 'unknown' | 'busy'> = {
  name: 'registry.leaseUpload',
  durability: 'transient',
  async run(transaction, { id, repository, leaseUntil, now }) {
    const leased = await transaction
      .updateTable('uploads')
      .set({ lease_until: leaseUntil })
      .where('id', '=', id)
      .where('repository', '=', repository)
      .where('lease_until', '<=', now)
      .returning(['storage_key', 'offset'])
      .executeTakeFirst();
    if (leased !== undefined) return { storageKey: leased.storage_key, offset: leased.offset };
    const row = await transaction
      .selectFrom('uploads')
      .select('id')
      .where('id', '=', id)
      .where('repository', '=', repository)
      .executeTakeFirst();
    return row === undefined ? 'unknown' : 'busy';
  },
};

export interface RenewUpload {
  readonly id: string;
  readonly leaseUntil: number;
}

export const renewUpload: Write<RenewUpload, void> = {
  name: 'registry.renewUpload',
  durability: 'transient',
  async run(transaction, { id, leaseUntil }) {
    await transaction
      .updateTable('uploads')
      .set({ lease_until: leaseUntil })
      .where('id', '=', id)
      .execute();
  },
};

export interface ReleaseUpload {
  readonly id: string;
  readonly offset: number;
  readonly now: number;
}

/** Gives an upload back, with what has arrived. */
export const releaseUpload: Write<ReleaseUpload, void> = {
  name: 'registry.releaseUpload',
  durability: 'transient',
  async run(transaction, { id, offset, now }) {
    await transaction
      .updateTable('uploads')
      .set({ offset, lease_until: 0, updated_at: now })
      .where('id', '=', id)
      .execute();
  },
};

export const deleteUpload: Write<{ readonly id: string }, void> = {
  name: 'registry.deleteUpload',
  durability: 'transient',
  async run(transaction, { id }) {
    await transaction.deleteFrom('uploads').where('id', '=', id).execute();
  },
};

export interface ExpireUploads {
  /** Nothing has happened to them since. */
  readonly before: number;
  readonly limit: number;
}

/** Deletes idle uploads, and returns their storage keys. */
export const expireUploads: Write<ExpireUploads, readonly string[]> = {
  name: 'registry.expireUploads',
  durability: 'transient',
  async run(transaction, { before, limit }) {
    const rows = await transaction
      .deleteFrom('uploads')
      .where('updated_at', '<', before)
      .where('lease_until', '<', before)
      .where('id', 'in', (uploads) =>
        uploads
          .selectFrom('uploads as idle')
          .select('idle.id')
          .where('idle.updated_at', '<', before)
          .where('idle.lease_until', '<', before)
          .limit(limit),
      )
      .returning('storage_key')
      .execute();
    return rows.map((row) => row.storage_key);
  },
};
