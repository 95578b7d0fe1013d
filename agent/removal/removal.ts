import { setTimeout as wait } from 'node:timers/promises';
import type { ServerCalls } from '#contract/agent.ts';
import type { AgentPart } from '../part.ts';
import { markRemoved, takeLastStep } from './last-step.ts';
import {
  type Removal,
  removeFromCluster,
  removeParts,
  whatKeepsNamespace,
} from './remove-cluster.ts';

export interface ClusterRemoval extends Removal {
  readonly parts: readonly AgentPart[];
  readonly server: ServerCalls;
}

const mostTries = 24;
const retryMilliseconds = 5_000;
const longestList = 1_000;

/** Leaves nothing of Berth in the cluster, says so, and goes. */
export async function removeCluster(options: ClusterRemoval): Promise<void> {
  const { parts, api, log, signal } = options;
  log.info('The cluster is being disconnected.');
  const left = [...(await removeParts(parts, options)), ...(await removeFromCluster(options))];
  const keeps = await whatKeepsNamespace(options);
  await markRemoved(api, signal);
  await sayRemoved(options, [...left, ...keeps]);
  log.info('Everything of Berth is taken away but the agent itself.', { left });
  if (keeps.length === 0) await takeLastStep(api, signal);
}

/** A server that hears nothing of it is told by its operator (`--force`). */
async function sayRemoved({ server, log, signal }: ClusterRemoval, left: string[]): Promise<void> {
  for (let tries = 1; tries <= mostTries; tries += 1) {
    try {
      await server['cluster.removed']({
        left: left.slice(0, longestList).map((sentence) => sentence.slice(0, 2_048)),
      });
      return;
    } catch (error) {
      signal.throwIfAborted();
      log.failure('Saying that the cluster is disconnected', error);
      await wait(retryMilliseconds, undefined, { signal });
    }
  }
}
