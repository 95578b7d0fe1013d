import type { Reader } from '#server/database/database.ts';
import type { Page } from '#server/http/rest/index.ts';
import { removedPattern } from './disconnection.ts';
import type { EndedBefore } from './writes/clusters.ts';

export interface ClusterRow {
  readonly id: number;
  readonly name: string;
  readonly uid: string | null;
  readonly kubernetes_version: string | null;
  readonly settings: string;
  readonly checks: string;
  readonly created_at: number;
  readonly enrolled_at: number | null;
  readonly connection: string | null;
  readonly seen_at: number | null;
  readonly disconnecting_at: number | null;
  readonly left_behind: string | null;
}

const columns = [
  'id',
  'name',
  'uid',
  'kubernetes_version',
  'settings',
  'checks',
  'created_at',
  'enrolled_at',
  'connection',
  'seen_at',
  'disconnecting_at',
  'left_behind',
] as const;

export async function listClusters(
  read: Reader,
  page: Page,
): Promise<{ readonly rows: readonly ClusterRow[]; readonly total: number }> {
  const { total } = await read
    .selectFrom('clusters')
    .select((row) => row.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  const rows = await read
    .selectFrom('clusters')
    .select(columns)
    .orderBy('name')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { rows, total: Number(total) };
}

export async function findCluster(read: Reader, name: string): Promise<ClusterRow | undefined> {
  return read.selectFrom('clusters').select(columns).where('name', '=', name).executeTakeFirst();
}

export interface ClusterCounts {
  readonly nodes: number;
  readonly trustedNodes: number;
  readonly namespaces: number;
}

/** By the clusters' ids. */
export async function countContents(
  read: Reader,
  clusters: readonly number[],
): Promise<ReadonlyMap<number, ClusterCounts>> {
  if (clusters.length === 0) return new Map();
  const nodes = await read
    .selectFrom('cluster_nodes')
    .select((row) => ['cluster_id', 'trust', row.fn.countAll<number>().as('count')] as const)
    .where('cluster_id', 'in', clusters)
    .groupBy(['cluster_id', 'trust'])
    .execute();
  const namespaces = await read
    .selectFrom('cluster_namespaces')
    .select((row) => ['cluster_id', row.fn.countAll<number>().as('count')] as const)
    .where('cluster_id', 'in', clusters)
    .groupBy('cluster_id')
    .execute();
  const sum = (rows: readonly { readonly count: number }[]) =>
    rows.reduce((total, { count }) => total + Number(count), 0);
  return new Map(
    clusters.map((id) => {
      const own = nodes.filter((row) => row.cluster_id === id);
      return [
        id,
        {
          nodes: sum(own),
          trustedNodes: sum(own.filter(({ trust }) => trust === 'trusted')),
          namespaces: sum(namespaces.filter((row) => row.cluster_id === id)),
        },
      ];
    }),
  );
}

export interface TokenRow {
  readonly id: number;
  readonly cluster: string;
  readonly settings: string;
  readonly expires_at: number;
  readonly used_at: number | null;
}

export async function findToken(
  read: Reader,
  secretHmac: Uint8Array,
): Promise<TokenRow | undefined> {
  return read
    .selectFrom('cluster_tokens')
    .innerJoin('clusters', 'clusters.id', 'cluster_tokens.cluster_id')
    .select([
      'cluster_tokens.id',
      'clusters.name as cluster',
      'clusters.settings',
      'cluster_tokens.expires_at',
      'cluster_tokens.used_at',
    ])
    .where('cluster_tokens.secret_hmac', '=', secretHmac)
    .executeTakeFirst();
}

export interface LatestToken {
  readonly created_at: number;
  readonly expires_at: number;
  readonly shown_at: number | null;
  readonly shown_to: string | null;
  readonly used_at: number | null;
  readonly problem: string | null;
  readonly distrusted_by: string | null;
}

/** The token of a cluster that was made last. */
export async function latestToken(read: Reader, cluster: number): Promise<LatestToken | undefined> {
  return read
    .selectFrom('cluster_tokens')
    .select(['created_at', 'expires_at', 'shown_at', 'shown_to', 'used_at'])
    .select(['problem', 'distrusted_by'])
    .where('cluster_id', '=', cluster)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export async function listNodes(read: Reader, cluster: number, page: Page) {
  const { total } = await read
    .selectFrom('cluster_nodes')
    .select((row) => row.fn.countAll<number>().as('total'))
    .where('cluster_id', '=', cluster)
    .executeTakeFirstOrThrow();
  const rows = await read
    .selectFrom('cluster_nodes')
    .select(['report', 'updated_at'])
    .where('cluster_id', '=', cluster)
    .orderBy('name')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { rows, total: Number(total) };
}

export async function listNamespaces(read: Reader, cluster: number, page: Page) {
  const { total } = await read
    .selectFrom('cluster_namespaces')
    .select((row) => row.fn.countAll<number>().as('total'))
    .where('cluster_id', '=', cluster)
    .executeTakeFirstOrThrow();
  const rows = await read
    .selectFrom('cluster_namespaces')
    .select(['name', 'labels', 'credentials'])
    .where('cluster_id', '=', cluster)
    .orderBy('name')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { rows, total: Number(total) };
}

/** Whether there is anything that `clearEnded` would take away. */
export async function hasEnded(
  read: Reader,
  { tokens, credentials, removals }: EndedBefore,
): Promise<boolean> {
  const token = await read
    .selectFrom('cluster_tokens')
    .select('id')
    .where('expires_at', '<', tokens)
    .limit(1)
    .executeTakeFirst();
  const credential = await read
    .selectFrom('namespace_credentials')
    .select('generation')
    .where('ends_at', '<', credentials)
    .limit(1)
    .executeTakeFirst();
  const removal = await read
    .selectFrom('clusters')
    .select('id')
    .where('left_behind', 'like', removedPattern)
    .where('seen_at', '<', removals)
    .limit(1)
    .executeTakeFirst();
  return [token, credential, removal].some((row) => row !== undefined);
}

/** Whether there is a cluster whose manifests were fetched and whose agent has not come yet. */
export async function hasAwaitedToken(read: Reader, now: number): Promise<boolean> {
  const row = await read
    .selectFrom('cluster_tokens')
    .select('id')
    .where('shown_at', 'is not', null)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
