import type { Reader } from '#server/database/database.ts';

export function userNamed(read: Reader, username: string) {
  return read
    .selectFrom('users')
    .select(['id', 'admin'])
    .where('username', '=', username)
    .executeTakeFirst();
}
