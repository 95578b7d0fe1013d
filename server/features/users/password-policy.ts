import { randomInt } from 'node:crypto';
import { maximumPasswordLength, minimumPasswordLength } from '#contract/users.ts';
import { Refusal } from '#lib/errors.ts';

/** @throws {Refusal} `invalid` for a password that `username` may not have */
export function checkPassword(username: string, password: string) {
  const length = [...password].length;
  if (
    length >= minimumPasswordLength &&
    length <= maximumPasswordLength &&
    password.toLowerCase() !== username.toLowerCase()
  ) {
    return;
  }
  throw new Refusal(
    'invalid',
    `A password must have ${minimumPasswordLength} to ${maximumPasswordLength} characters and not be the user name: choose another one.`,
  );
}

/** Without characters that are taken for one another. */
const typeable = 'abcdefghjkmnpqrstuvwxyz23456789';

/** 99 bits that can be read out and typed. */
export function generatePassword(): string {
  const group = () =>
    Array.from({ length: 4 }, () => typeable.charAt(randomInt(typeable.length))).join('');
  return Array.from({ length: 5 }, group).join('-');
}
