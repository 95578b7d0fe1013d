import type { Generated } from 'kysely';
import type { Fixed, Json, Timestamp } from './column-types.ts';

/** A Kubernetes cluster that is connected, or is about to be. */
export interface ClustersTable {
  id: Generated<number>;
  name: Fixed<string>;
  /** Of its namespace kube-system; null until its agent has enrolled. Unique. */
  uid: string | null;
  /** Of its ServiceAccount tokens: many clusters share one. */
  issuer: string | null;
  kubernetes_version: string | null;
  settings: Json;
  /** What its agent says of itself. */
  checks: Json;
  created_at: Fixed<Timestamp>;
  enrolled_at: Timestamp | null;
  /** Drawn by the process that holds the agent's connection; null: not connected. */
  connection: string | null;
  /** While connected, renewed in time. */
  seen_at: Timestamp | null;
  /** Since when it is to be disconnected. */
  disconnecting_at: Timestamp | null;
  /**
   * What its agent says of the removal: `{ left, nodes }` while it waits for nodes, and `string[]`,
   * sentences of what it could not remove, once the rest is removed; null before both.
   */
  left_behind: Json | null;
}

/** What a connect command carries, once. */
export interface ClusterTokensTable {
  id: Generated<number>;
  cluster_id: Fixed<number>;
  secret_hmac: Fixed<Uint8Array>;
  creator: Fixed<string>;
  created_at: Fixed<Timestamp>;
  expires_at: Fixed<Timestamp>;
  /** When the manifests were fetched with it. */
  shown_at: Timestamp | null;
  /** The address of whoever fetched them. */
  shown_to: string | null;
  used_at: Timestamp | null;
  /** Why the last attempt to use it was refused: a sentence. */
  problem: string | null;
  /** The address of the last client that did not trust the server's certificate meanwhile. */
  distrusted_by: string | null;
}

/** Two at most live of a cluster: the one in use, and its successor until that is first used. */
export interface AgentIdentitiesTable {
  id: Generated<number>;
  cluster_id: Fixed<number>;
  secret_hmac: Fixed<Uint8Array>;
  created_at: Fixed<Timestamp>;
  first_used_at: Timestamp | null;
}

/** The public keys of ServiceAccount tokens: a key tells which cluster a token is from. */
export interface ClusterKeysTable {
  /** RFC 7638, SHA-256. */
  thumbprint: Fixed<string>;
  cluster_id: number;
  jwk: Fixed<Json>;
  /** When the cluster's agent showed a token that it signed; null: claimed only. */
  proven_at: Timestamp | null;
  created_at: Fixed<Timestamp>;
}

export interface ClusterNodesTable {
  cluster_id: Fixed<number>;
  name: Fixed<string>;
  /** `NodeReport` of the contract. */
  report: Json;
  /** Of the report. */
  trust: 'trusted' | 'pending' | 'problem';
  updated_at: Timestamp;
}

export interface ClusterNamespacesTable {
  cluster_id: Fixed<number>;
  name: Fixed<string>;
  uid: string;
  labels: Json;
  credentials: Json | null;
  updated_at: Timestamp;
}

/** Unique by cluster, project and selector. */
export interface ClusterGrantsTable {
  id: Generated<number>;
  cluster_id: Fixed<number>;
  project_id: Fixed<number>;
  /** `NamespaceSelector` of the contract, keys sorted. */
  selector: Fixed<Json>;
  role: Fixed<'project-admin' | 'maintainer' | 'developer' | 'guest' | 'limited-guest'>;
  created_at: Fixed<Timestamp>;
}

/**
 * The secrets of a namespace's robot: the newest, the newest that is in place, and those before it
 * for a while.
 */
export interface NamespaceCredentialsTable {
  cluster_id: Fixed<number>;
  namespace: Fixed<string>;
  generation: Fixed<number>;
  /** Of a namespace that comes later under the same name, it is another. */
  namespace_uid: Fixed<string>;
  secret_hmac: Fixed<Uint8Array>;
  created_at: Fixed<Timestamp>;
  /** When it was in the namespace's Secret. */
  placed_at: Timestamp | null;
  /** null: lives until its successor is in place. */
  ends_at: Timestamp | null;
}

/** What a process asks an agent whose connection another may hold. Needs no sync. */
export interface AgentRequestsTable {
  id: Fixed<string>;
  cluster_id: Fixed<number>;
  method: Fixed<string>;
  /** Sealed under a key that processes of the server share: they may hold a token. */
  parameters: Fixed<string>;
  answer: Json | null;
  created_at: Fixed<Timestamp>;
}
