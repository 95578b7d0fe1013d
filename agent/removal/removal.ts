import type { AgentPart } from '../part.ts';
import { type LastStep, markRemoved, takeLastStep } from './last-step.ts';
import { removeFromCluster, removeParts } from './remove-cluster.ts';
import { createWaitingReport } from './waiting-report.ts';

export interface ClusterRemoval extends LastStep {
  readonly parts: readonly AgentPart[];
  /** Aborted when no node is to be waited for. */
  readonly leaveProvider: AbortSignal;
}

/** Leaves nothing of Berth in the cluster, says so, and goes. */
export async function removeCluster(removal: ClusterRemoval): Promise<void> {
  const { parts, leaveProvider, server, log, signal } = removal;
  log.info('The cluster is being disconnected.');
  const report = createWaitingReport({ send: server['cluster.waits'], log, signal });
  const order = { leaveProvider, waits: report.tell };
  const left = [
    ...(await removeParts(parts, order, removal)),
    ...(await removeFromCluster(removal)),
  ];
  report.end();
  await markRemoved(removal, left);
  await takeLastStep(removal, left);
}
