import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { AuthorityFollowers, AuthorityInformation, AuthorityStep } from '#contract/trust.ts';
import type { Api } from './api.ts';
import { addCommand, addNoun, answers } from './command.ts';
import type { Environment } from './environment.ts';
import { type Output, timeText } from './output.ts';
import { showProgress } from './progress.ts';
import { currentSession, saveSession } from './sessions.ts';
import { withApi } from './with-api.ts';

const lookMilliseconds = 500;

export function addAuthorityCommands(program: Command, environment: Environment) {
  const noun = addNoun(program, 'authority', "Change the server's certificate authority");
  addShow(noun, environment);
  addRotate(noun, environment);
  addSwitch(noun, environment);
  addStep(noun, environment, 'retire', {
    summary: 'End the trust in the authority before this one',
    description:
      'Nodes of connected clusters forget it within moments; on other machines run berth trust again.',
    examples: ['berth authority retire'],
  });
  addStep(noun, environment, 'cancel', {
    summary: 'Take back an authority that was announced',
    examples: ['berth authority cancel'],
  });
}

function addShow(noun: Command, environment: Environment) {
  const show = addCommand(noun, 'show', {
    summary: 'Show the authorities, and who trusts them',
    examples: ['berth authority show', 'berth authority show --json'],
  });
  answers(show, () => withApi(environment, async (api) => describe(api, await read(api))));
}

function addRotate(noun: Command, environment: Environment) {
  const rotate = addCommand(noun, 'rotate', {
    summary: 'Announce the next authority',
    description:
      'Clients are to trust both from now on: nodes of connected clusters do so by themselves, and the command waits for them. Then run berth authority switch.',
    examples: ['berth authority rotate', 'berth authority rotate --no-wait --json'],
  }).option('--no-wait', 'do not wait for the nodes of connected clusters');
  answers(rotate, ({ wait }: { wait: boolean }) =>
    withApi(environment, async (api) => {
      const announced = await take(api, { step: 'announce' }, environment);
      if (wait) await followed(api);
      return describe(api, announced);
    }),
  );
}

function addSwitch(noun: Command, environment: Environment) {
  const command = addCommand(noun, 'switch', {
    summary: 'Sign with the authority that was announced',
    description:
      'Refused while nodes of connected clusters do not trust it yet. Who else signed in with berth login signs in again.',
    examples: ['berth authority switch', 'berth authority switch --force'],
  }).option('--force', 'although nodes do not trust it, and cannot pull then');
  answers(command, ({ force = false }: { force?: boolean }) =>
    withApi(environment, async (api) => {
      // What the answer shows is asked for before: the certificate may change with it.
      const followers = await readFollowers(api);
      return show(await take(api, { step: 'switch', force }, environment), followers);
    }),
  );
}

function addStep(
  noun: Command,
  environment: Environment,
  step: 'retire' | 'cancel',
  text: Parameters<typeof addCommand>[2],
) {
  answers(addCommand(noun, step, text), () =>
    withApi(environment, async (api) => describe(api, await take(api, { step }, environment))),
  );
}

function read(api: Api): Promise<AuthorityInformation> {
  return api.get<AuthorityInformation>('/authority');
}

async function take(
  api: Api,
  step: AuthorityStep,
  environment: Environment,
): Promise<AuthorityInformation> {
  const { body } = await api.post<AuthorityInformation>('/authority/steps', step);
  const session = await currentSession(environment);
  // Also where the machine itself trusts the earlier one: it may not know the next one yet.
  if (session.protocol === 'https') {
    const authority = body.authorities.map(({ certificate }) => certificate).join('');
    await saveSession(environment, { ...session, authority });
  }
  return body;
}

function readFollowers(api: Api): Promise<AuthorityFollowers> {
  return api.get<AuthorityFollowers>('/authority/followers');
}

async function followed(api: Api): Promise<void> {
  const progress = showProgress();
  try {
    for (;;) {
      const { trusting, waiting } = await readFollowers(api);
      const total = trusting + waiting.length;
      progress.report({ step: 'nodes that trust both', done: trusting, total, bytes: 0 });
      if (waiting.length === 0) return;
      await pause(lookMilliseconds);
    }
  } finally {
    progress.end();
  }
}

async function describe(api: Api, information: AuthorityInformation): Promise<Output> {
  return show(information, await readFollowers(api));
}

function show(information: AuthorityInformation, followers: AuthorityFollowers): Output {
  const { phase, authorities } = information;
  return {
    json: { ...information, followers },
    table: {
      columns: ['role', 'fingerprint', 'ends'],
      rows: authorities.map(({ role, fingerprint, ends }) => [
        role,
        fingerprint,
        timeText(ends, ''),
      ]),
      empty: 'This server has no authority of its own.',
    },
    hint: hints[phase](authorities.map(({ fingerprint }) => fingerprint)),
  };
}

const hints: Readonly<
  Record<AuthorityInformation['phase'], (fingerprints: readonly string[]) => string>
> = {
  steady: () => '',
  announced: (fingerprints) =>
    `On machines outside of connected clusters, make both trusted:\n  sudo berth trust HOST ${fingerprints.map((one) => `--fingerprint ${one}`).join(' ')}\nThen run berth authority switch.`,
  switched: () =>
    'Who else signed in with berth login signs in again. When nobody shows or needs the earlier one any more, run berth authority retire.',
};
