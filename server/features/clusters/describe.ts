import type { Cluster } from '#contract/clusters.ts';
import type { Reader } from '#server/database/database.ts';
import { checklistOf } from './checks.ts';
import { disconnectionOf } from './disconnection.ts';
import { isConnected } from './presence.ts';
import { type ClusterRow, countContents, latestToken } from './queries.ts';
import { settingsOf } from './stored-settings.ts';

export interface DescribeOptions {
  readonly read: Reader;
  /** `host[:port]` */
  readonly registry: string;
  /** Of this server. */
  readonly version: string;
  readonly now: number;
}

/** Clusters as people see them. */
export async function describeClusters(
  rows: readonly ClusterRow[],
  { read, registry, version, now }: DescribeOptions,
): Promise<Cluster[]> {
  const counts = await countContents(
    read,
    rows.map(({ id }) => id),
  );
  return Promise.all(
    rows.map(async (cluster) => {
      const settings = settingsOf(cluster.settings);
      const token = await latestToken(read, cluster.id);
      const { nodes = 0, trustedNodes = 0, namespaces = 0 } = counts.get(cluster.id) ?? {};
      return {
        name: cluster.name,
        state: stateOf(cluster, now),
        ...(cluster.uid !== null && { uid: cluster.uid }),
        ...(cluster.kubernetes_version !== null && {
          kubernetes_version: cluster.kubernetes_version,
        }),
        nodes,
        trusted_nodes: trustedNodes,
        namespaces,
        creation_time: new Date(cluster.created_at).toISOString(),
        ...(cluster.seen_at !== null && { last_seen: new Date(cluster.seen_at).toISOString() }),
        settings,
        checks: checklistOf({ cluster, settings, token, registry, version, now }),
        ...(cluster.disconnecting_at !== null && {
          disconnection: disconnectionOf(cluster.left_behind),
        }),
      };
    }),
  );
}

export function stateOf(cluster: ClusterRow, now: number): Cluster['state'] {
  if (cluster.disconnecting_at !== null) return 'disconnecting';
  if (cluster.seen_at === null) return 'waiting';
  return isConnected(cluster, now) ? 'connected' : 'away';
}
