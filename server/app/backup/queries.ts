import type { Reader, Transaction } from '#server/database/database.ts';

export interface BlobToCopy {
  readonly id: number;
  readonly digest: string;
  readonly size: number;
  readonly storageKey: string;
}

/** What holds for the moment of a backup only, and not for what is restored from it. */
export async function removeMomentary(transaction: Transaction): Promise<void> {
  await transaction.deleteFrom('deletion_holds').execute();
  await transaction.deleteFrom('deletions').execute();
  const leaving = transaction.selectFrom('blobs').select('id').where('state', '=', 'deleting');
  await transaction.deleteFrom('repository_blobs').where('blob_id', 'in', leaving).execute();
  await transaction.deleteFrom('blobs').where('state', '=', 'deleting').execute();
}

function readable(read: Reader) {
  return read.selectFrom('blobs').where('state', '=', 'live').where('lost_at', 'is', null);
}

export async function blobTotals(
  read: Reader,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const row = await readable(read)
    .select((blob) => [blob.fn.countAll<number>().as('count'), blob.fn.sum('size').as('bytes')])
    .executeTakeFirstOrThrow();
  return { count: row.count, bytes: Number(row.bytes ?? 0) };
}

export function blobsBehind(
  read: Reader,
  id: number,
  count: number,
): Promise<readonly BlobToCopy[]> {
  return readable(read)
    .select(['id', 'digest', 'size', 'storage_key as storageKey'])
    .where('id', '>', id)
    .orderBy('id')
    .limit(count)
    .execute();
}

export async function lostDigests(read: Reader, limit: number): Promise<readonly string[]> {
  const rows = await read
    .selectFrom('blobs')
    .select('digest')
    .where('state', '=', 'live')
    .where('lost_at', 'is not', null)
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(({ digest }) => digest);
}

const idsAtOnce = 1000;

export async function markLost(
  transaction: Transaction,
  ids: readonly number[],
  now: number,
): Promise<void> {
  for (let start = 0; start < ids.length; start += idsAtOnce) {
    await transaction
      .updateTable('blobs')
      .set({ lost_at: now })
      .where('id', 'in', ids.slice(start, start + idsAtOnce))
      .execute();
  }
}

/** Digests between two texts, the first included. */
export async function digestsBetween(
  read: Reader,
  first: string,
  end: string,
): Promise<readonly string[]> {
  const rows = await readable(read)
    .select('digest')
    .where('digest', '>=', first)
    .where('digest', '<', end)
    .execute();
  return rows.map(({ digest }) => digest);
}

export function sealedSecrets(
  read: Reader,
): Promise<readonly { readonly name: string; readonly sealed: Uint8Array }[]> {
  return read.selectFrom('secrets').select(['name', 'sealed']).orderBy('name').execute();
}
