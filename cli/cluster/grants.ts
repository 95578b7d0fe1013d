import { type Command, InvalidArgumentError } from 'commander';
import type { NamespaceSelector } from '#contract/agent.ts';
import type { ClusterGrant } from '#contract/clusters.ts';
import { isDnsLabel } from '#contract/names.ts';
import type { Api } from '../api.ts';
import { addCommand, answers } from '../command.ts';
import type { Environment } from '../environment.ts';
import { UsageFailure } from '../failure.ts';
import { timeText } from '../output.ts';
import { withApi } from '../with-api.ts';
import { clusterPath } from './paths.ts';
import { whichCluster } from './which.ts';

interface GrantOptions {
  readonly project: string;
  readonly namespace?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly allNamespaces?: boolean;
}

export function addGrants(noun: Command, environment: Environment) {
  const grant = addCommand(noun, 'grant <name>', {
    summary: 'Let namespaces of a cluster pull from a project',
    description:
      'Their pods pull with no Secret made by hand: by workload identity where the kubelet allows it, else by a pull secret that the agent places. Labels and --all-namespaces cover namespaces that come later too, and never those of Kubernetes itself.',
    examples: [
      'berth cluster grant prod --namespace web --project team',
      'berth cluster grant prod --selector team=web,stage=live --project team',
      'berth cluster grant prod --all-namespaces --project base',
    ],
  })
    .requiredOption('--project <project>', 'what they may pull from')
    .option('-n, --namespace <namespace>', 'the namespace of this name', readNamespace)
    .option(
      '-l, --selector <labels>',
      'namespaces with all of these labels: key=value,…',
      readLabels,
    )
    .option('-A, --all-namespaces', 'every namespace but those of Kubernetes');
  answers(grant, (options: GrantOptions, name: string) =>
    withApi(environment, async (api) => {
      const selector = selectorOf(options);
      const { project } = options;
      const { body, warning } = await api.post<ClusterGrant>(clusterPath(name, 'grants'), {
        project,
        selector,
      });
      const done = `${whoseText(selector, name)} may pull from ${project}.`;
      const namespace = selector.kind === 'name' ? selector.name : 'NAMESPACE';
      return {
        json: { ...body, ...(warning && { warning }) },
        text: warning === undefined ? done : `${done}\nWarning: ${warning}`,
        hint: [
          `Their credentials:  berth cluster namespaces ${name}`,
          `Try it:             kubectl run try --namespace ${namespace} --image ${await registryOf(api)}/${project}/IMAGE`,
          `Take it back:       berth cluster revoke ${name} ${body.id}`,
        ].join('\n'),
      };
    }),
  );

  const list = addCommand(noun, 'grants [name]', {
    summary: 'List what namespaces of a cluster may pull',
    description: 'The name may be left out where there is one cluster.',
    examples: ['berth cluster grants prod'],
  });
  answers(list, (_options, named: string | undefined) =>
    withApi(environment, async (api) => {
      const name = await whichCluster(api, named);
      const grants = await api.list<ClusterGrant>(clusterPath(name, 'grants'));
      return {
        json: grants,
        table: {
          columns: ['id', 'namespaces', 'project', 'since'],
          rows: grants.map(({ id, selector, project, creation_time: since }) => [
            String(id),
            selectorText(selector),
            project,
            timeText(since, '-'),
          ]),
          empty: `Nothing is granted to namespaces of ${name}: berth cluster grant ${name} --namespace NAMESPACE --project PROJECT.`,
        },
      };
    }),
  );

  const revoke = addCommand(noun, 'revoke <name> <id>', {
    summary: 'Take a grant back, from the next pull on',
    examples: ['berth cluster revoke prod 3'],
  });
  answers(revoke, (_options, name: string, id: string) =>
    withApi(environment, async (api) => {
      if (!/^[0-9]{1,15}$/.test(id)) {
        throw new UsageFailure(
          `${JSON.stringify(id.slice(0, 80))} is no number of a grant: see berth cluster grants ${name}.`,
        );
      }
      await api.delete(clusterPath(name, 'grants', id));
      return {
        json: { cluster: name, id: Number(id), revoked: true },
        text: `Took grant ${id} of ${name} back, from the next pull on.`,
        hint: `See berth cluster namespaces ${name} for what other grants let its namespaces pull.`,
      };
    }),
  );
}

function selectorOf({ namespace, selector, allNamespaces }: GrantOptions): NamespaceSelector {
  const given: NamespaceSelector[] = [
    ...(namespace === undefined ? [] : [{ kind: 'name' as const, name: namespace }]),
    ...(selector === undefined ? [] : [{ kind: 'labels' as const, labels: { ...selector } }]),
    ...(allNamespaces ? [{ kind: 'all' as const }] : []),
  ];
  const [only, ...more] = given;
  if (only !== undefined && more.length === 0) return only;
  throw new UsageFailure(
    'Say which namespaces: --namespace NAME, --selector KEY=VALUE,… or --all-namespaces, one of them.',
  );
}

/** As image names begin. */
async function registryOf(api: Api): Promise<string> {
  const { registry_url: registry = api.server } = await api.get<{ registry_url?: string }>(
    '/systeminfo',
  );
  return registry;
}

function whoseText(selector: NamespaceSelector, cluster: string): string {
  const text = selectorText(selector);
  switch (selector.kind) {
    case 'name':
      return `The namespace ${selector.name} of ${cluster}`;
    case 'labels':
      return `Namespaces of ${cluster}${text.slice('namespaces'.length)}`;
    case 'all':
      return `All namespaces of ${cluster} but those of Kubernetes`;
  }
}

function selectorText(selector: NamespaceSelector): string {
  switch (selector.kind) {
    case 'name':
      return `the namespace ${selector.name}`;
    case 'labels':
      return `namespaces with ${Object.entries(selector.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(',')}`;
    case 'all':
      return 'all namespaces';
  }
}

function readNamespace(text: string, earlier: string | undefined): string {
  if (earlier !== undefined) {
    throw new InvalidArgumentError(
      'A grant is for one namespace, or for all with a label: grant the next one by itself.',
    );
  }
  if (isDnsLabel(text)) return text;
  throw new InvalidArgumentError(
    'Write a name of 1 to 63 lower-case letters, digits and dashes, no dash at the ends.',
  );
}

function readLabels(
  text: string,
  earlier: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const labels = new Map(Object.entries(earlier));
  for (const pair of text.split(',')) {
    const [key, value, ...rest] = pair.split('=');
    if (!key || value === undefined || rest.length > 0) {
      throw new InvalidArgumentError('Write key=value, several with commas between them.');
    }
    if ((labels.get(key) ?? value) !== value) {
      throw new InvalidArgumentError(
        `No namespace has the label ${key} twice: make a grant for each value.`,
      );
    }
    labels.set(key, value);
  }
  return Object.fromEntries(labels);
}
