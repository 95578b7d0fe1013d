import type { Database } from '#server/database/database.ts';
import { hashPassword } from './password-hash.ts';
import { checkPassword, generatePassword } from './password-policy.ts';
import { hasAdmin } from './queries.ts';
import { createFirstAdmin } from './writes.ts';

const username = 'admin';

/**
 * Creates the system admin `admin` while there is none at all.
 * @param given its password; it is generated where absent
 * @returns the password, if it was generated now: it can never be told again
 * @throws {Refusal} `invalid` for a password that breaks the rule
 */
export async function ensureFirstAdmin(
  database: Database,
  given: string | undefined,
  now: number,
): Promise<string | undefined> {
  if (await hasAdmin(database.read)) return undefined;
  if (given !== undefined) checkPassword(username, given);
  const password = given ?? generatePassword();
  const created = await database.write(createFirstAdmin, {
    username,
    passwordHash: await hashPassword(password),
    email: null,
    realname: 'System admin',
    comment: '',
    now,
  });
  return created && given === undefined ? password : undefined;
}
