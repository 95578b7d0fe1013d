import type { Reader } from '#server/database/database.ts';

/** Until when files may still be deleted that were begun with before a hold; undefined: none is. */
export async function deletionsUnderWay(read: Reader, now: number): Promise<number | undefined> {
  const row = await read
    .selectFrom('deletions')
    .select((row) => row.fn.max('lease_until').as('until'))
    .where('lease_until', '>', now)
    .executeTakeFirst();
  return row?.until ?? undefined;
}
