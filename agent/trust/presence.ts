import type { Node, ObjectStore } from '#kubernetes/api/index.ts';
import type { NodePod } from './node-pods.ts';

/** Whether a node can say what it did; one that is away for good is not waited for. */
export function canAnswer(node: Node, pods: ObjectStore<NodePod>): boolean {
  return isReady(node) && hasPod(node, pods);
}

export function hasPod({ metadata }: Node, pods: ObjectStore<NodePod>): boolean {
  for (const pod of pods.values()) {
    if (pod.node === metadata.name && pod.runningSince !== undefined) return true;
  }
  return false;
}

export function isReady({ status }: Node): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  );
}
