import type { Command } from 'commander';
import type { AccessToken, CreatedAccessToken } from '#contract/tokens.ts';
import type { Api } from './api.ts';
import { addCommand, addNoun, answers, wholeDays } from './command.ts';
import type { Environment } from './environment.ts';
import { CommandFailure } from './failure.ts';
import { timeText } from './output.ts';
import { withApi } from './with-api.ts';

export const tokensPath = '/users/current/tokens';

export function addTokenCommands(program: Command, environment: Environment) {
  const noun = addNoun(program, 'token', 'Manage your access tokens');

  const create = addCommand(noun, 'create <name>', {
    summary: 'Create an access token, printed once',
    examples: ['berth token create laptop', 'berth token create "nightly build" --days 90'],
  }).option('--days <days>', 'days until it ends (default: never)', wholeDays);
  answers(create, ({ days }: { days?: number }, name: string) =>
    withApi(environment, async (api) => {
      const { body } = await api.post<CreatedAccessToken>(tokensPath, {
        name,
        ...(days !== undefined && { expires_in_days: days }),
      });
      return {
        json: body,
        text: body.secret,
        hint: `Shown only now. Use it as the password: docker login, helm registry login, or BERTH_TOKEN=NAME:TOKEN.`,
      };
    }),
  );

  const list = addCommand(noun, 'list', {
    summary: 'List your access tokens',
    examples: ['berth token list'],
  });
  answers(list, () =>
    withApi(environment, async (api) => {
      const tokens = await api.get<AccessToken[]>(tokensPath);
      return {
        json: tokens,
        table: {
          columns: ['name', 'created', 'ends', 'last used'],
          rows: tokens.map((token) => [
            token.name,
            timeText(token.creation_time, '-'),
            timeText(token.expires_at, 'never'),
            timeText(token.last_used_at, 'never'),
          ]),
          empty: 'You have no access tokens.',
        },
      };
    }),
  );

  const remove = addCommand(noun, 'remove <name>', {
    summary: 'Remove an access token, which ends with the next request',
    examples: ['berth token remove laptop'],
  });
  answers(remove, (_options, name: string) =>
    withApi(environment, async (api) => {
      const tokens = await api.get<AccessToken[]>(tokensPath);
      const token = tokens.find((each) => each.name === name);
      if (token === undefined) {
        throw new CommandFailure(
          `You have no access token named ${name}: run berth token list to see them.`,
        );
      }
      await api.delete(`${tokensPath}/${token.id}`);
      return { json: { name, removed: true }, text: `Removed the access token ${name}.` };
    }),
  );
}

/** A token of one's own; where the name is taken, it gets a number. */
export async function createToken(api: Api, name: string): Promise<CreatedAccessToken> {
  const taken = (await api.get<AccessToken[]>(tokensPath)).map((token) => token.name);
  let candidate = name;
  for (let number = 2; taken.includes(candidate); number++) candidate = `${name} ${number}`;
  return (await api.post<CreatedAccessToken>(tokensPath, { name: candidate })).body;
}
