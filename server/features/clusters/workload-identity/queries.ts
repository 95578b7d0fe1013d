import type { Reader } from '#server/database/database.ts';

export interface KeyRow {
  readonly thumbprint: string;
  readonly jwk: string;
  readonly cluster_id: number;
  readonly name: string;
  readonly issuer: string | null;
  readonly settings: string;
  readonly disconnecting_at: number | null;
}

/** The ServiceAccount keys of all clusters, those that were proven first. */
export async function allKeys(read: Reader): Promise<readonly KeyRow[]> {
  return read
    .selectFrom('cluster_keys')
    .innerJoin('clusters', 'clusters.id', 'cluster_keys.cluster_id')
    .select(['cluster_keys.thumbprint', 'cluster_keys.jwk', 'cluster_keys.cluster_id'])
    .select(['clusters.name', 'clusters.issuer', 'clusters.settings', 'clusters.disconnecting_at'])
    .orderBy((part) => part.fn.coalesce('cluster_keys.proven_at', part.val(2 ** 53 - 1)))
    .orderBy('cluster_keys.thumbprint')
    .execute();
}
