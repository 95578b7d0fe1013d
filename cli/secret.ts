import { randomBytes } from 'node:crypto';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { isDnsSubdomain } from '#contract/names.ts';
import { dockerConfigJson, type SecretObject } from '#kubernetes/dockerconfigjson.ts';
import { requireRegistry } from '#oci/reference.ts';
import { type Api, apiOf } from './api.ts';
import { addCommand, addNoun, answers } from './command.ts';
import type { Environment } from './environment.ts';
import { CommandFailure, UsageFailure } from './failure.ts';
import type { Output } from './output.ts';
import { createRobot } from './robot.ts';
import { type Check, checkSecret } from './secret/check.ts';
import { imagesThatUse, workloadKinds } from './secret/images.ts';
import { createKubectl } from './secret/kubectl.ts';
import { currentSession, type NamedSession, storedSession } from './sessions.ts';
import { readPassword } from './terminal.ts';
import { createToken, tokensPath } from './token.ts';

interface PlaceOptions {
  readonly namespace: string;
  readonly context?: string;
}

interface CreateOptions extends PlaceOptions {
  readonly project?: string;
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly registry?: string;
  readonly replace?: boolean;
}

export function addSecretCommands(program: Command, environment: Environment) {
  const noun = addNoun(program, 'secret', 'Make pull secrets, and find out what is wrong with one');

  const create = withPlace(
    addCommand(noun, 'create <name>', {
      summary: 'Create a pull secret in a namespace, through kubectl',
      description:
        'With --project a robot is made that may pull from that project only. With --username an account that exists is used, with neither a new access token of your own.',
      examples: [
        'berth secret create regcred --namespace web --project team',
        'echo "$SECRET" | berth secret create regcred --namespace web --username robot+team+ci --password-stdin',
      ],
    }),
  )
    .option('--project <project>', 'make a robot that pulls from this project')
    .option('--username <name>', 'the user or robot that pods pull as')
    .option('--password-stdin', 'read its password or secret from standard input')
    .option(
      '--registry <host:port>',
      'the host in the names of images (default: that of the server)',
    )
    .option('--replace', 'replace a Secret of that name');
  answers(create, (options: CreateOptions, name: string) =>
    createSecret(environment, options, name),
  );

  const check = withPlace(
    addCommand(noun, 'check <name>', {
      summary: 'Find out why pods cannot pull with a Secret',
      description:
        'Checks its type, key and JSON, whether its hosts are those of the images that use it, the sign-in, and the right to pull each image. Exit code 1 when something is wrong.',
      examples: ['berth secret check regcred --namespace web'],
    }),
  );
  answers(check, (options: PlaceOptions, name: string) =>
    reportOnSecret(environment, options, name),
  );
}

function withPlace(command: Command): Command {
  return command
    .requiredOption('-n, --namespace <namespace>', 'the namespace of the pods')
    .option('--context <name>', "a context of kubectl's configuration");
}

async function createSecret(
  environment: Environment,
  options: CreateOptions,
  name: string,
): Promise<Output> {
  if (!isDnsSubdomain(name)) {
    throw new UsageFailure(
      `${JSON.stringify(name.slice(0, 80))} cannot name a Secret: use lower-case letters, digits, dashes and dots.`,
    );
  }
  if (options.project !== undefined && options.username !== undefined) {
    throw new UsageFailure('Give --project or --username, not both.');
  }
  const session = await currentSession(environment);
  const registry = requireRegistry(options.registry ?? session.server);
  const api = apiOf(session);
  try {
    const account = await chooseAccount(api, session, options, name);
    try {
      await createKubectl({ namespace: options.namespace, context: options.context }).create(
        secretObject(name, options.namespace, { key: registry, ...account }),
        options.replace === true,
      );
    } catch (error) {
      if (account.madeAt !== undefined) await api.delete(account.madeAt);
      throw withCure(error);
    }
    return {
      json: { name, namespace: options.namespace, registry, username: account.username },
      text: `Created the Secret ${name} in the namespace ${options.namespace}: pods pull from ${registry} as ${account.username}.`,
      hint: `Name it in the pod template as imagePullSecrets: [{name: ${name}}], then run berth secret check ${name} --namespace ${options.namespace}.`,
    };
  } finally {
    api.close();
  }
}

interface Account {
  readonly username: string;
  readonly password: string;
  /** The path of the robot or token that was made for this Secret. */
  readonly madeAt?: string;
}

async function chooseAccount(
  api: Api,
  session: NamedSession,
  { project, username, passwordStdin = false, namespace }: CreateOptions,
  secretName: string,
): Promise<Account> {
  if (project !== undefined) {
    const robot = await createRobot(api, robotName(namespace, secretName), {
      project: [project],
      neverExpires: true,
      description: `Pull secret ${secretName} of the namespace ${namespace}`,
    });
    return { username: robot.name, password: robot.secret, madeAt: `/robots/${robot.id}` };
  }
  if (username !== undefined) {
    return { username, password: await readPassword(passwordStdin, `Password of ${username}: `) };
  }
  if (session.tokenId === undefined) {
    return { username: session.username, password: session.secret };
  }
  // Not the token of this machine, which ends when its user signs out.
  const token = await createToken(api, `Secret ${secretName} in ${namespace}`);
  return {
    username: session.username,
    password: token.secret,
    madeAt: `${tokensPath}/${token.id}`,
  };
}

function withCure(error: unknown): unknown {
  return error instanceof CommandFailure && /already exists/.test(error.message)
    ? new CommandFailure(`${error.message} Add --replace to put the new one in its place.`)
    : error;
}

/** Two Secrets of one name in two clusters get two robots. */
function robotName(namespace: string, secretName: string): string {
  const suffix = randomBytes(3).toString('hex');
  return `pull-${namespace}-${secretName.replaceAll('.', '-')}-${suffix}`.replace(/-{2,}/g, '-');
}

function secretObject(
  name: string,
  namespace: string,
  credential: { key: string; username: string; password: string },
) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'berth' } },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(dockerConfigJson(credential)).toString('base64') },
  };
}

async function reportOnSecret(
  environment: Environment,
  options: PlaceOptions,
  name: string,
): Promise<Output> {
  const kubectl = createKubectl({ namespace: options.namespace, context: options.context });
  const [secret, workloads, session] = await Promise.all([
    kubectl.get('secret', name),
    kubectl.get(workloadKinds),
    storedSession(environment),
  ]);
  const checks = await checkSecret({
    secretName: name,
    namespace: options.namespace,
    secret: secret as SecretObject | undefined,
    images: imagesThatUse(workloads, name),
    authorityOf: (registry) => (registry === session?.server ? session.authority : undefined),
  });
  const failed = checks.some(({ result }) => result === 'failed');
  return {
    json: { name, namespace: options.namespace, ok: !failed, checks },
    text: checks.map(checkText).join('\n'),
    failed,
  };
}

const marks = {
  ok: styleText('green', 'ok'),
  failed: styleText('red', 'failed'),
  note: styleText('yellow', 'note'),
} as const;

function checkText({ result, subject, message, cure }: Check): string {
  const lines = [`${marks[result]}  ${subject}: ${message}`];
  if (cure !== undefined) lines.push(`        → ${cure}`);
  return lines.join('\n');
}
