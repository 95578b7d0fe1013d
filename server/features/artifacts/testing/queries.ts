import type { Reader } from '#server/database/database.ts';

export async function eventsOf(read: Reader) {
  const rows = await read.selectFrom('events').select(['type', 'payload']).orderBy('id').execute();
  return rows.map(({ type, payload }) => ({ type, ...JSON.parse(payload) }));
}

export async function projectExists(read: Reader, name: string): Promise<boolean> {
  const row = await read
    .selectFrom('projects')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirst();
  return row !== undefined;
}
