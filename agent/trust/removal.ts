import { setTimeout as wait } from 'node:timers/promises';
import type { KubernetesApi, Node, ObjectStore } from '#kubernetes/api/index.ts';
import { explainProblem, type NodeSubject, readProblems } from '#kubernetes/node/problems.ts';
import type { NodeStatus } from '#kubernetes/node/status.ts';
import type { NodePod } from './node-pods.ts';
import { deleteNodeObjects } from './objects.ts';
import { canAnswer, isReady, nodesWithPod } from './presence.ts';

export interface NodeRemoval {
  readonly api: KubernetesApi;
  readonly signal: AbortSignal;
  readonly nodes: ObjectStore<Node>;
  readonly pods: ObjectStore<NodePod>;
  /** Tells every node to take our files away. */
  readonly announce: () => Promise<void>;
  /** What a node says after it has done so; undefined before. */
  readonly isDone: (name: string) => NodeStatus | undefined;
  readonly subject: (node: Node) => NodeSubject;
}

const longestMilliseconds = 60_000;
const lookMilliseconds = 200;

/** Takes our files away from every node, then the pods that did. A sentence for each that is left. */
export async function removeFromNodes(removal: NodeRemoval): Promise<readonly string[]> {
  const { api, signal, nodes, pods, announce, isDone } = removal;
  await Promise.all([nodes.filled, pods.filled]);
  if (pods.size > 0) {
    await announce();
    const deadline = performance.now() + longestMilliseconds;
    while (performance.now() < deadline) {
      const isOpen = (node: Node) => isDone(node.metadata.name) === undefined;
      if (!present(removal).some(isOpen)) break;
      await wait(lookMilliseconds, undefined, { signal });
    }
  }
  const withPod = nodesWithPod(pods);
  const left = [...nodes.values()].flatMap((node) => leftOn(node, removal, withPod));
  await deleteNodeObjects(api, signal);
  const deadline = performance.now() + longestMilliseconds;
  while (performance.now() < deadline && present(removal).length > 0) {
    await wait(lookMilliseconds, undefined, { signal });
  }
  return left;
}

function present({ nodes, pods }: NodeRemoval): readonly Node[] {
  const withPod = nodesWithPod(pods);
  return [...nodes.values()].filter((node) => canAnswer(node, withPod));
}

function leftOn(
  node: Node,
  { isDone, subject }: NodeRemoval,
  withPod: ReadonlySet<string>,
): readonly string[] {
  const { name } = node.metadata;
  const status = isDone(name);
  if (status !== undefined) return sentences(status, subject(node));
  const { registry } = subject(node);
  const reason = !isReady(node)
    ? 'is not ready'
    : !withPod.has(name)
      ? 'runs no pod of Berth'
      : 'did not answer in time';
  return [
    `The node ${name} ${reason}, and what was laid down there may be left: take it away on the node with berth trust ${registry} --remove, and the folder /var/lib/berth-node by hand once no flag of its kubelet names it.`,
  ];
}

function sentences(status: NodeStatus, subject: NodeSubject): readonly string[] {
  const { node } = subject;
  const problems = readProblems([...status.problems, ...status.provider_problems]);
  const left = problems
    .filter(({ code }) => code !== 'restart')
    .map((problem) => {
      const { message, cure } = explainProblem(problem, subject, status);
      return `${message} ${cure}`;
    });
  if (status.provider_state === 'inert') {
    left.push(
      `The kubelet of ${node} still runs Berth's credential provider, which now answers nothing: take the flags that name /var/lib/berth-node away and start it anew, then remove that folder.`,
    );
  }
  return left;
}
