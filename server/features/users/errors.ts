import { isUserName, nameRules } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';

export function unknownUser(id: number): Refusal {
  return new Refusal(
    'not-found',
    `There is no user with the id ${id}: run berth user list to see those that exist.`,
  );
}

export function unknownAccessToken(id: number): Refusal {
  return new Refusal(
    'not-found',
    `You have no access token with the id ${id}: run berth token list to see those that you have.`,
  );
}

export function lastAdmin(username: string): Refusal {
  return new Refusal(
    'precondition',
    `User ${username} is the last system admin: make somebody else one first with berth user admin NAME.`,
  );
}

/** @throws {Refusal} `invalid` */
export function checkUserName(username: string) {
  if (isUserName(username)) return;
  throw new Refusal('invalid', `A user name must ${nameRules.user}.`);
}
