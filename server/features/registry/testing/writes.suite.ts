import { writes as everyWrite } from '#server/app/writes.ts';
import type { AnyWrite, Write } from '#server/database/database.ts';

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

export const writes: readonly AnyWrite[] = [...everyWrite, ageBlobLinks];
