import { setTimeout as wait } from 'node:timers/promises';
import type { AwaitedNode, Problem } from '#contract/agent.ts';
import type { Node, ObjectStore } from '#kubernetes/api/index.ts';
import type { NodeStatus } from '#kubernetes/node/status.ts';
import type { RemovalOrder } from '../part.ts';
import type { NodePod } from './node-pods.ts';
import { canAnswer, nodesWithPod } from './presence.ts';

export interface WithdrawalTiming {
  /** For a node to say what it did. */
  readonly answer: number;
  /** For a node that is away to come back: a kubelet that starts anew is not ready at once. */
  readonly absence: number;
  readonly look: number;
  /** The same while only nodes that somebody has to see to are waited for. */
  readonly idleLook: number;
}

export interface ProviderWithdrawal {
  readonly nodes: ObjectStore<Node>;
  readonly pods: ObjectStore<NodePod>;
  readonly order: RemovalOrder;
  readonly signal: AbortSignal;
  /** Tells every node to have its provider answer nothing, and to take it away once no kubelet names it. */
  readonly announce: () => Promise<void>;
  /** What a node says after it has done so; undefined before. */
  readonly isDone: (name: string) => NodeStatus | undefined;
  /** What is to be done on a node whose provider stands there still. */
  readonly problem: (node: Node, status: NodeStatus) => Problem;
  readonly timing?: WithdrawalTiming;
}

const defaultTiming: WithdrawalTiming = {
  answer: 60_000,
  absence: 600_000,
  look: 200,
  idleLook: 2_000,
};

/** Resolves when no kubelet names the provider any more, but for those of nodes that are away. */
export async function withdrawProviders(withdrawal: ProviderWithdrawal): Promise<void> {
  const { nodes, pods, order, signal, announce, isDone, problem } = withdrawal;
  const { timing = defaultTiming } = withdrawal;
  await Promise.all([nodes.filled, pods.filled]);
  await announce();
  const began = performance.now();
  const presentAt = new Map<string, number>();
  const woken = AbortSignal.any([signal, order.leaveProvider]);
  let told = '[]';
  while (!order.leaveProvider.aborted) {
    const now = performance.now();
    const withPod = nodesWithPod(pods);
    let isAsked = false;
    const awaited: AwaitedNode[] = [];
    for (const node of nodes.values()) {
      const { name } = node.metadata;
      const isPresent = canAnswer(node, withPod);
      if (isPresent) presentAt.set(name, now);
      const status = isDone(name);
      if (status === undefined) {
        isAsked ||= isPresent && now < began + timing.answer;
      } else if (status.provider_state === 'inert') {
        if (now - (presentAt.get(name) ?? began) > timing.absence) continue;
        awaited.push({ name, problem: problem(node, status) });
      }
    }
    if (!isAsked) {
      const text = JSON.stringify(awaited);
      if (text !== told) order.waitsFor(awaited);
      told = text;
      if (awaited.length === 0) return;
    }
    const pause = isAsked ? timing.look : timing.idleLook;
    await wait(pause, undefined, { signal: woken }).catch(() => signal.throwIfAborted());
  }
}
