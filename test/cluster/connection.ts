import type { Cluster, ConnectionOffer } from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import { type Bed, clusterName } from './bed.ts';

/** Connects the bed's cluster by the command that Berth prints, unless that was done before. */
export async function ensureConnected({ berthJson, operator }: Bed): Promise<void> {
  const known = (await berthJson('cluster list')) as Cluster[];
  if (!known.some(({ name }) => name === clusterName)) {
    const { commands } = (await berthJson(`cluster connect ${clusterName}`)) as ConnectionOffer;
    await operator.type(commands.kubectl);
  }
  await waitFor(async () => (await berthJson(`cluster status ${clusterName}`)) as Cluster, {
    what: 'the cluster to be connected',
    until: ({ state }) => state === 'connected',
    limit: 120_000,
  });
}
