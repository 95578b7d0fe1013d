import { randomInt } from 'node:crypto';
import type { Command } from 'commander';
import type { User } from '#contract/users.ts';
import type { Api } from './api.ts';
import { addCommand, addNoun, answers } from './command.ts';
import type { Environment } from './environment.ts';
import { CommandFailure, UsageFailure } from './failure.ts';
import { timeText } from './output.ts';
import { askSecret, hasTerminal, readSecretLines } from './terminal.ts';
import { withApi } from './with-api.ts';

export function addUserCommands(program: Command, environment: Environment) {
  const noun = addNoun(program, 'user', 'Manage people');

  const add = addCommand(noun, 'add <name>', {
    summary: 'Create a user',
    description: 'Without --password-stdin a password is made up and printed once.',
    examples: [
      'berth user add alice --email alice@example.com',
      'echo "$PASSWORD" | berth user add alice --password-stdin',
    ],
  })
    .option('--email <address>')
    .option('--full-name <name>')
    .option('--admin', 'make it a system admin')
    .option('--password-stdin', 'read the password from standard input');
  answers(add, (options: AddOptions, name: string) =>
    withApi(environment, (api) => addUser(api, options, name)),
  );

  const list = addCommand(noun, 'list', {
    summary: 'List the users',
    examples: ['berth user list'],
  });
  answers(list, () =>
    withApi(environment, async (api) => {
      const users = await api.list<User>('/users', { sort: 'username' });
      return {
        json: users,
        table: {
          columns: ['name', 'full name', 'email', 'system admin', 'created'],
          rows: users.map((user) => [
            user.username,
            user.realname || '-',
            user.email || '-',
            user.sysadmin_flag ? 'yes' : 'no',
            timeText(user.creation_time, '-'),
          ]),
          empty: 'There are no users.',
        },
      };
    }),
  );

  const remove = addCommand(noun, 'remove <name>', {
    summary: 'Remove a user, with the memberships and tokens',
    examples: ['berth user remove alice'],
  });
  answers(remove, (_options, name: string) =>
    withApi(environment, async (api) => {
      const user = await findUser(api, name);
      await api.delete(`/users/${user.user_id}`);
      return { json: { name, removed: true }, text: `Removed the user ${name}.` };
    }),
  );

  const password = addCommand(noun, 'password <name>', {
    summary: "Change one's own password, or set that of another user",
    description:
      'Without --password-stdin it is asked for. With it, standard input holds the new password on one line; for your own, the present one stands on a line before it.',
    examples: [
      'berth user password admin',
      'echo "$PASSWORD" | berth user password alice --password-stdin',
    ],
  }).option('--password-stdin', 'read the password from standard input');
  answers(password, ({ passwordStdin = false }: { passwordStdin?: boolean }, name: string) =>
    withApi(environment, (api) => setPassword(api, name, passwordStdin)),
  );

  const admin = addCommand(noun, 'admin <name>', {
    summary: 'Make a user a system admin, or no longer',
    examples: ['berth user admin alice', 'berth user admin alice --remove'],
  }).option('--remove', 'make it an ordinary user again');
  answers(admin, ({ remove: removes = false }: { remove?: boolean }, name: string) =>
    withApi(environment, async (api) => {
      const user = await findUser(api, name);
      await api.put(`/users/${user.user_id}/sysadmin`, { sysadmin_flag: !removes });
      return {
        json: { name, admin: !removes },
        text: `${name} is ${removes ? 'no system admin any more' : 'a system admin now'}.`,
      };
    }),
  );
}

interface AddOptions {
  readonly email?: string;
  readonly fullName?: string;
  readonly admin?: boolean;
  readonly passwordStdin?: boolean;
}

async function addUser(api: Api, options: AddOptions, name: string) {
  const [given] = options.passwordStdin ? await readSecretLines() : [undefined];
  const password = given ?? madeUpPassword();
  const { id } = await api.post('/users', {
    username: name,
    password,
    ...(options.email !== undefined && { email: options.email }),
    ...(options.fullName !== undefined && { realname: options.fullName }),
  });
  if (options.admin) await api.put(`/users/${id}/sysadmin`, { sysadmin_flag: true });
  const made = given === undefined;
  return {
    json: { user_id: id, name, admin: options.admin === true, ...(made && { password }) },
    text: `Created the user ${name}.${made ? `\nPassword, shown only now: ${password}` : ''}`,
  };
}

/** Four groups of five letters and digits that are not mistaken for each other: 98 bits. */
function madeUpPassword(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679';
  const group = () => Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join('');
  return [group(), group(), group(), group()].join('-');
}

async function findUser(api: Api, name: string): Promise<User> {
  const [user] = await api.list<User>('/users', { q: `username="${name}"` });
  if (user?.username === name) return user;
  throw new CommandFailure(`There is no user ${name}: run berth user list to see who there is.`);
}

async function setPassword(api: Api, name: string, fromStdin: boolean) {
  const self = await api.get<User>('/users/current');
  const isSelf = self.username === name;
  const user = isSelf ? self : await findUser(api, name);
  const [present, wanted] = await askPasswords(name, isSelf, fromStdin);
  await api.put(`/users/${user.user_id}/password`, {
    new_password: wanted,
    ...(isSelf && { old_password: present }),
  });
  return { json: { name, changed: true }, text: `The password of ${name} has been changed.` };
}

async function askPasswords(name: string, isSelf: boolean, fromStdin: boolean) {
  if (fromStdin) {
    const lines = await readSecretLines();
    if (lines.length !== (isSelf ? 2 : 1)) {
      throw new UsageFailure(
        isSelf
          ? 'Your own password changes only with the present one: give two lines on standard input, the present and the new password.'
          : 'Give the new password on standard input, on one line.',
      );
    }
    return isSelf ? lines : ['', ...lines];
  }
  if (!hasTerminal()) {
    throw new UsageFailure(
      'There is no terminal to ask for the password on: give it with --password-stdin.',
    );
  }
  const present = isSelf ? await askSecret('Present password: ') : '';
  const wanted = await askSecret(`New password of ${name}: `);
  if (wanted !== (await askSecret('Once more: '))) {
    throw new UsageFailure('The two passwords differ: nothing was changed.');
  }
  return [present, wanted];
}
