import type { Cluster, ConnectionOffer } from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import { type Bed, clusterName } from './bed.ts';

/*
 * What a section builds upon, when those before it are not run: each step is the operator's own,
 * and changes nothing where it has been done.
 */

/** The cluster is connected by the one command that Berth prints, and all checks pass. */
export async function haveConnected(bed: Bed): Promise<Cluster> {
  const known = (await bed.berthJson('cluster list')) as readonly Cluster[];
  if (!known.some(({ name }) => name === clusterName)) {
    const offer = (await bed.berthJson(`cluster connect ${clusterName}`)) as ConnectionOffer;
    await bed.operator.type(offer.commands.kubectl);
  }
  return await allPass(bed);
}

/** Waits until the cluster's checklist holds nothing that is waiting or failed. */
export async function allPass(bed: Bed, name: string = clusterName): Promise<Cluster> {
  const status = async () => (await bed.berthJson(`cluster status ${name}`)) as Cluster;
  return await waitFor(status, {
    what: 'all checks of the cluster to pass',
    until: ({ state, checks }) =>
      state === 'connected' && checks.every((check) => check.state === 'passed'),
    limit: 120_000,
  });
}
