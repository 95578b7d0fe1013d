import type { Node, ObjectStore } from '#kubernetes/api/index.ts';
import type { NodePod } from './node-pods.ts';

/** Names of the nodes on which a pod of ours runs. */
export function nodesWithPod(pods: ObjectStore<NodePod>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { node, runningSince } of pods.values()) {
    if (runningSince !== undefined) names.add(node);
  }
  return names;
}

/** Whether a node can say what it did; one that is away for good is not waited for. */
export function canAnswer(node: Node, withPod: ReadonlySet<string>): boolean {
  return isReady(node) && withPod.has(node.metadata.name);
}

export function isReady({ status }: Node): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  );
}
