import type { LimitFailures } from '#features/auth';
import { Refusal } from '#lib/errors.ts';
import type { Reader } from '#server/database/database.ts';
import { unknownUser } from './errors.ts';
import { verifyPassword } from './password-hash.ts';
import { readPasswordHash } from './queries.ts';

/** Asks people for the password they have before they change it: an open session is no proof. */
export function createOldPasswordCheck(read: Reader, limitFailures: LimitFailures) {
  const limits = limitFailures('old passwords', {
    windowSeconds: 300,
    perNameAndAddress: 10,
    perName: 100,
    perAddress: 300,
  });
  return async (id: number, password: string | undefined, address: string): Promise<void> => {
    const user = await readPasswordHash(read, id);
    if (user === undefined) throw unknownUser(id);
    if (password === undefined) {
      throw new Refusal('invalid', 'Send old_password too: the password that you have now.');
    }
    await limits.count(user.username, address);
    if (!(await verifyPassword(password, user.password_hash))) {
      throw new Refusal(
        'denied',
        `The old password of user ${user.username} is wrong: check it, or ask a system admin for a new one.`,
      );
    }
    await limits.forgive(user.username, address);
  };
}
