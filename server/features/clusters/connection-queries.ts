import type { JWK } from 'jose';
import type { Database, PreparedQuery, Reader } from '#server/database/database.ts';

/** An identity that was shown, and the cluster that it is of. */
export interface IdentityRow {
  readonly id: number;
  readonly cluster_id: number;
  readonly name: string;
  readonly issuer: string | null;
}

/** What is asked while agents are connected, again and again. */
export interface ConnectionLookups {
  readonly identity: PreparedQuery<[secretHmac: Uint8Array], IdentityRow>;
  /** What changes whenever the state that an agent is to bring about may have changed. */
  readonly standing: PreparedQuery<[cluster: number], Standing>;
  /** One of the requests that no agent has answered yet, if there is any. */
  readonly openRequest: PreparedQuery<[], { readonly id: string }>;
  readonly answer: PreparedQuery<[request: string], { readonly answer: string | null }>;
}

export interface Standing {
  readonly name: string;
  readonly settings: string;
  readonly connection: string | null;
  readonly disconnecting_at: number | null;
}

export function prepareConnectionLookups(database: Database): ConnectionLookups {
  return {
    identity: database.prepare((read, argument) =>
      read
        .selectFrom('agent_identities')
        .innerJoin('clusters', 'clusters.id', 'agent_identities.cluster_id')
        .select([
          'agent_identities.id',
          'agent_identities.cluster_id',
          'clusters.name',
          'clusters.issuer',
        ])
        .where('agent_identities.secret_hmac', '=', argument<Uint8Array>(0)),
    ),
    standing: database.prepareRemembered((read, argument) =>
      read
        .selectFrom('clusters')
        .select(['name', 'settings', 'connection', 'disconnecting_at'])
        .where('id', '=', argument<number>(0)),
    ),
    openRequest: database.prepare((read) =>
      read.selectFrom('agent_requests').select('id').where('answer', 'is', null).limit(1),
    ),
    answer: database.prepare((read, argument) =>
      read.selectFrom('agent_requests').select('answer').where('id', '=', argument<string>(0)),
    ),
  };
}

export interface OpenRequest {
  readonly id: string;
  readonly cluster_id: number;
  readonly method: string;
  /** Sealed. */
  readonly parameters: string;
}

/** Requests to these clusters' agents that are younger than `since` and wait for an answer. */
export async function openRequestsOf(
  read: Reader,
  clusters: readonly number[],
  since: number,
): Promise<readonly OpenRequest[]> {
  return read
    .selectFrom('agent_requests')
    .select(['id', 'cluster_id', 'method', 'parameters'])
    .where('cluster_id', 'in', clusters)
    .where('created_at', '>=', since)
    .where('answer', 'is', null)
    .orderBy('created_at')
    .execute();
}

export interface HolderRow {
  readonly name: string;
  readonly connection: string | null;
  readonly seen_at: number | null;
}

export async function holderOf(read: Reader, cluster: number): Promise<HolderRow | undefined> {
  return read
    .selectFrom('clusters')
    .select(['name', 'connection', 'seen_at'])
    .where('id', '=', cluster)
    .executeTakeFirst();
}

/** Clusters whose agent is, as far as the database knows, connected to some process. */
export async function heldClusters(read: Reader) {
  return read
    .selectFrom('clusters')
    .select(['id', 'connection', 'seen_at'])
    .where('connection', 'is not', null)
    .$narrowType<{ connection: string }>()
    .execute();
}

export async function keysOf(
  read: Reader,
  cluster: number,
): Promise<readonly { readonly thumbprint: string; readonly jwk: JWK }[]> {
  const rows = await read
    .selectFrom('cluster_keys')
    .select(['thumbprint', 'jwk'])
    .where('cluster_id', '=', cluster)
    .execute();
  return rows.map(({ thumbprint, jwk }) => ({ thumbprint, jwk: JSON.parse(jwk) as JWK }));
}
