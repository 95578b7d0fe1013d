import type { AwaitedNode } from '#contract/agent.ts';
import type { Disconnection } from '#contract/clusters.ts';

/** What an agent says while it waits for nodes. */
export interface Waiting {
  readonly left: readonly string[];
  readonly nodes: readonly AwaitedNode[];
}

/** Of `clusters.left_behind`, by which SQL tells that the agent has removed everything. */
export const removedPattern = '[%';

/** @param leftBehind as `clusters.left_behind` holds it */
export function disconnectionOf(leftBehind: string | null): Disconnection {
  if (leftBehind === null) return { done: false, left: [], waits_for: [] };
  const told = JSON.parse(leftBehind) as string[] | Waiting;
  return Array.isArray(told)
    ? { done: true, left: told, waits_for: [] }
    : { done: false, left: [...told.left], waits_for: [...told.nodes] };
}
