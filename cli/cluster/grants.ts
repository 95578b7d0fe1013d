import { type Command, InvalidArgumentError } from 'commander';
import type { NamespaceSelector } from '#contract/agent.ts';
import type { ClusterGrant } from '#contract/clusters.ts';
import { addCommand, answers } from '../command.ts';
import type { Environment } from '../environment.ts';
import { UsageFailure } from '../failure.ts';
import { timeText } from '../output.ts';
import { withApi } from '../with-api.ts';
import { clusterPath } from './paths.ts';

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
    .option('-n, --namespace <namespace>', 'the namespace of this name')
    .option('-l, --selector <labels>', 'namespaces with these labels: key=value,…', readLabels)
    .option('-A, --all-namespaces', 'every namespace but those of Kubernetes');
  answers(grant, (options: GrantOptions, name: string) =>
    withApi(environment, async (api) => {
      const selector = selectorOf(options);
      const { project } = options;
      const { body } = await api.post<ClusterGrant>(clusterPath(name, 'grants'), {
        project,
        selector,
      });
      return {
        json: body,
        text: `Of ${name}, ${selectorText(selector)} may pull from ${project}.`,
        hint: `See berth cluster namespaces ${name}. Take it back with berth cluster revoke ${name} ${body.id}.`,
      };
    }),
  );

  const list = addCommand(noun, 'grants <name>', {
    summary: 'List what namespaces of a cluster may pull',
    examples: ['berth cluster grants prod'],
  });
  answers(list, (_options, name: string) =>
    withApi(environment, async (api) => {
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
        text: `Took the grant ${id} of ${name} back.`,
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

function readLabels(text: string): Readonly<Record<string, string>> {
  const labels = text.split(',').map((pair) => {
    const [key, value, ...rest] = pair.split('=');
    if (!key || value === undefined || rest.length > 0) {
      throw new InvalidArgumentError('Write key=value, several with commas between them.');
    }
    return [key, value] as const;
  });
  return Object.fromEntries(labels);
}
