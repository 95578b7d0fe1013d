import type { AwaitedNode } from '#contract/agent.ts';
import type { Cluster } from '#contract/clusters.ts';
import { plain } from '../output.ts';

/** What could not be removed from a cluster. */
export function leftLines(left: readonly string[]): string[] {
  return left.length === 0
    ? []
    : ['What is left in it:', ...left.map((line) => `  ${plain(line)}`)];
}

/** What has to be done before the rest goes, and how to do without it. */
export function awaitedLines(name: string, nodes: readonly AwaitedNode[]): string[] {
  if (nodes.length === 0) return [];
  return [
    'The agent, and what nodes trust, stay until none of these kubelets names the credential provider:',
    ...nodes.flatMap(({ problem: { message, cure } }) => [
      `  ${plain(message)}`,
      `    → ${plain(cure)}`,
    ]),
    `The rest goes by itself when that is done. To end it now, and leave on them what answers nothing: berth cluster disconnect ${name} --leave-provider`,
  ];
}

/** The state of a cluster, with the nodes that it waits for. */
export function stateCell({ state, disconnection }: Cluster): string {
  const names = (disconnection?.waits_for ?? []).map((node) => node.name);
  return names.length === 0 ? state : `${state}, waits for ${names.join(' ')}`;
}

/** How far the disconnection of a cluster is; nothing where it is none. */
export function disconnectionLines({ name, disconnection }: Cluster): string[] {
  if (disconnection === undefined) return [];
  const { done, left, waits_for: nodes } = disconnection;
  return [
    ...leftLines(left),
    ...awaitedLines(name, nodes),
    ...(done
      ? [`It is forgotten within the hour, or now by: berth cluster disconnect ${name}`]
      : []),
  ];
}
