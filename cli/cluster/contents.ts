import type { Command } from 'commander';
import type { Problem } from '#contract/agent.ts';
import type { ClusterNamespace, ClusterNode } from '#contract/clusters.ts';
import { addCommand, answers } from '../command.ts';
import type { Environment } from '../environment.ts';
import { withApi } from '../with-api.ts';
import { clusterPath } from './paths.ts';
import { whichCluster } from './which.ts';

export function addContents(noun: Command, environment: Environment) {
  const nodes = addCommand(noun, 'nodes [name]', {
    summary: 'List the nodes of a cluster, and whether they trust the registry',
    description:
      'The name may be left out where there is one cluster. Exit code 1 when a node has a problem.',
    examples: ['berth cluster nodes prod', 'berth cluster nodes prod --json'],
  });
  answers(nodes, (_options, named: string | undefined) =>
    withApi(environment, async (api) => {
      const name = await whichCluster(api, named);
      const found = await api.list<ClusterNode>(clusterPath(name, 'nodes'));
      return {
        json: found,
        table: {
          columns: ['node', 'runtime', 'distribution', 'trust', 'provider', 'what to do'],
          rows: found.map((node) => [
            node.name,
            node.runtime,
            node.distribution,
            node.trust.state,
            node.credentialProvider.state,
            whatToDo(node.trust.problem, node.credentialProvider.problem),
          ]),
          empty: `${name} has reported no nodes: see berth cluster status ${name}.`,
          prose: true,
        },
        failed: found.some(
          ({ trust, credentialProvider }) =>
            trust.state === 'problem' || credentialProvider.state === 'problem',
        ),
      };
    }),
  );

  const namespaces = addCommand(noun, 'namespaces [name]', {
    summary: 'List the namespaces of a cluster, and what they may pull',
    description:
      'The name may be left out where there is one cluster. Exit code 1 when a namespace that is granted something cannot be given credentials.',
    examples: ['berth cluster namespaces prod', 'berth cluster namespaces prod --json'],
  });
  answers(namespaces, (_options, named: string | undefined) =>
    withApi(environment, async (api) => {
      const name = await whichCluster(api, named);
      const found = await api.list<ClusterNamespace>(clusterPath(name, 'namespaces'));
      return {
        json: found,
        table: {
          columns: ['namespace', 'projects', 'pull secret', 'what to do'],
          rows: found.map(({ name: namespace, projects, credentials }) => [
            namespace,
            projects.join(', ') || '-',
            credentials?.state ?? '-',
            whatToDo(credentials?.problem),
          ]),
          empty: `${name} has reported no namespaces: see berth cluster status ${name}.`,
          prose: true,
        },
        failed: found.some(({ credentials }) => credentials?.state === 'problem'),
      };
    }),
  );
}

function whatToDo(...problems: readonly (Problem | undefined)[]): string {
  return problems
    .flatMap((each) => (each === undefined ? [] : `${each.message} ${each.cure}`))
    .join(' ');
}
