import type { NodeReport } from '#contract/agent.ts';
import type { AuthorityFollowers } from '#contract/trust.ts';
import { authoritiesDigest } from '#kubernetes/node/files.ts';
import type { Database } from '#server/database/database.ts';

/** Tells which nodes of clusters trust exactly the authorities of `bundle` (PEM). */
export async function authorityFollowers(
  { read }: Pick<Database, 'read'>,
  bundle: string,
): Promise<AuthorityFollowers> {
  const expected = authoritiesDigest(bundle);
  const rows = await read
    .selectFrom('cluster_nodes')
    .innerJoin('clusters', 'clusters.id', 'cluster_nodes.cluster_id')
    .select(['clusters.name as cluster', 'cluster_nodes.name as node', 'cluster_nodes.report'])
    .where('clusters.disconnecting_at', 'is', null)
    .orderBy('clusters.name')
    .orderBy('cluster_nodes.name')
    .execute();
  const waiting = rows.filter(({ report }) => {
    const { trust } = JSON.parse(report) as NodeReport;
    return trust.state !== 'trusted' || trust.authorities !== expected;
  });
  return {
    trusting: rows.length - waiting.length,
    waiting: waiting.map(({ cluster, node }) => ({ cluster, node })),
  };
}
