import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { ConnectionOffer } from '#contract/clusters.ts';
import type { Api } from '../api.ts';
import { addCommand, answers } from '../command.ts';
import type { Environment } from '../environment.ts';
import { CommandFailure, reasonOf, UsageFailure } from '../failure.ts';
import { type Output, terminalWidth, timeText, wrapped } from '../output.ts';
import { hasTerminal } from '../terminal.ts';
import { withApi } from '../with-api.ts';
import { checklistLines, checklistOutput, stateText, watchChecklist } from './checklist.ts';
import { fetchManifests, type NodesSource, readNodes } from './manifests.ts';
import { clusterPath, clustersPath } from './paths.ts';
import { addSettingsFlags, type SettingsFlags, settingsOf } from './settings.ts';

const forms = ['kubectl', 'helm', 'gitops', 'air-gapped'] as const;
type Form = (typeof forms)[number];

interface ConnectOptions extends SettingsFlags, NodesSource {
  readonly form: Form;
  readonly output?: string;
  readonly wait: boolean;
  readonly json?: boolean;
}

export function addConnect(noun: Command, environment: Environment) {
  const connect = addCommand(noun, 'connect <name>', {
    summary: 'Make the command that connects a cluster, then wait until it is connected',
    description: [
      'Shows what the agent will be allowed, then a command to paste where kubectl reaches the cluster. Its token is good once, for 15 minutes. On a terminal the command then waits, and shows how far the cluster is. Again for a cluster that is connected, it makes a new token: what is applied then brings rights and settings up to date.',
      'Forms: kubectl pipes what is applied into kubectl; helm installs the chart berth-agent; gitops makes a file without the token for a repository, and a command for what does not belong into one; air-gapped is for nodes that cannot pull from the registry before they trust it, with an image that is imported.',
    ].join('\n\n'),
    examples: [
      'berth cluster connect prod',
      'berth cluster connect prod --form helm',
      'berth cluster connect prod --form gitops --output clusters/prod/berth-agent.yaml',
      'berth cluster connect edge --form air-gapped --nodes nodes.json --output berth-agent.yaml',
      'berth cluster connect prod --address https://10.0.0.5:30500 --credential-provider configure',
    ],
  })
    .addOption(
      new Option('--form <form>', 'how it is applied').choices([...forms]).default('kubectl'),
    )
    .option('--output <file>', 'write what is to be applied into this file')
    .option(
      '--nodes <file>',
      'for --output: what kubectl get nodes --output json printed, - for standard input (default: kubectl is run)',
    )
    .option('--context <name>', "for --output: a context of kubectl's configuration")
    .option('--no-wait', 'do not wait until the cluster is connected');
  addSettingsFlags(connect);
  answers(connect, (options: ConnectOptions, name: string) =>
    withApi(environment, async (api) => {
      clusterPath(name);
      if (options.nodes !== undefined && options.output === undefined) {
        throw new UsageFailure(
          '--nodes belongs to --output: the command that is printed asks kubectl.',
        );
      }
      if (options.context !== undefined && options.output === undefined) {
        throw new UsageFailure(
          '--context belongs to --output: choose the context of the command that is printed with kubectl config use-context.',
        );
      }
      const nodes = options.output === undefined ? undefined : await readNodes(options);
      const { body: offer } = await api.post<ConnectionOffer>(clustersPath, {
        name,
        settings: settingsOf(options),
      });
      if (options.output !== undefined && nodes !== undefined) {
        const text = await fetchManifests(api, offer.token, options.form, nodes);
        await writeManifests(options.output, text);
      }
      const waits = options.wait && !options.json && hasTerminal();
      if (!waits) return offerOutput(offer, options);
      process.stdout.write(`${offerText(offer, options)}\n\n`);
      return watched(api, name);
    }),
  );
}

/** Readable by its owner alone: there may be a token in it. */
async function writeManifests(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { mode: 0o600 });
  } catch (error) {
    throw new CommandFailure(`${path} cannot be written: ${reasonOf(error)}.`);
  }
}

function offerOutput(offer: ConnectionOffer, options: ConnectOptions): Output {
  return {
    json: offer,
    text: offerText(offer, options),
    hint: `Then see berth cluster status ${offer.name} --watch.`,
  };
}

function offerText(offer: ConnectionOffer, { form, output }: ConnectOptions): string {
  const scopes = [...new Set(offer.permissions.map(({ scope }) => scope))];
  return [
    'What is applied allows the agent of Berth:',
    ...scopes.flatMap((scope) => [
      `  in the ${scope}`,
      ...offer.permissions
        .filter((each) => each.scope === scope)
        .flatMap(({ rule }) => hanging(rule)),
    ]),
    '',
    `${instruction(form, output)} The token is good once, until ${timeText(offer.expires_at, '-')} UTC.`,
    '',
    commandOf(offer, form, output),
    ...offer.warnings.flatMap((warning) => ['', `Warning: ${warning}`]),
  ].join('\n');
}

/** A rule and its reason, below each other where a line has no room for both. */
function hanging(rule: string): string[] {
  return wrapped(rule, terminalWidth() - 6).map(
    (line, index) => `${index === 0 ? '    ' : '      '}${line}`,
  );
}

function instruction(form: Form, output: string | undefined): string {
  if (output === undefined) return 'Run this where kubectl reaches the cluster.';
  return form === 'gitops'
    ? `${output} holds no secret: commit it. Once it is applied, run this where kubectl reaches the cluster.`
    : `${output} is written; it holds the token. Run this where kubectl reaches the cluster.`;
}

function commandOf({ commands, name }: ConnectionOffer, form: Form, output?: string): string {
  if (output === undefined) return form === 'air-gapped' ? commands.air_gapped : commands[form];
  switch (form) {
    case 'gitops':
      return commands.gitops.slice(commands.gitops.lastIndexOf('\n') + 1);
    case 'helm':
      return commands.helm.replace(/kubectl get nodes.* \| (?=helm )/, '').replace(/-$/, output);
    case 'air-gapped':
      return `berth cluster agent-image --output berth-agent.tar\nctr --namespace k8s.io images import berth-agent.tar   # on each node\nkubectl apply -f ${output}`;
    case 'kubectl':
      return `kubectl apply -f ${output}`;
    default:
      throw new Error(`There is no form ${form satisfies never} of ${name}.`);
  }
}

async function watched(api: Api, name: string): Promise<Output> {
  const cluster = await watchChecklist(api, name);
  const output = checklistOutput(cluster);
  return {
    ...output,
    text: [...checklistLines(cluster.checks), '', stateText(cluster)].join('\n'),
    hint: `Let a namespace pull: berth cluster grant ${name} --namespace NAMESPACE --project PROJECT`,
  };
}
