import type { Generated } from 'kysely';
import type {
  AccessTokensTable,
  ProjectMembersTable,
  ProjectsTable,
  RobotsTable,
  UsersTable,
} from './account-tables.ts';
import type {
  AgentIdentitiesTable,
  AgentRequestsTable,
  ClusterGrantsTable,
  ClusterKeysTable,
  ClusterNamespacesTable,
  ClusterNodesTable,
  ClustersTable,
  ClusterTokensTable,
  NamespaceCredentialsTable,
} from './cluster-tables.ts';
import type { Fixed, Flag, Json, Timestamp } from './column-types.ts';
import type {
  BlobsTable,
  ChartsTable,
  DeletionHoldsTable,
  DeletionsTable,
  ManifestLeasesTable,
  ManifestOrphansTable,
  ManifestRefsTable,
  ManifestsTable,
  RepositoriesTable,
  RepositoryBlobsTable,
  TagsTable,
  UploadsTable,
} from './registry-tables.ts';

/** Counters that tell cached answers of an earlier state apart from current ones. */
export interface GenerationsTable {
  name: 'grants';
  value: number;
}

/** Keys that every replica shares, sealed under the secret key. */
export interface SecretsTable {
  name: string;
  sealed: Uint8Array;
  created_at: Fixed<Timestamp>;
}

/** Work in the background, and the history of it. */
export interface JobsTable {
  id: Generated<number>;
  kind: Fixed<string>;
  /** One job of a slot is open at a time; null: as many as there are. */
  slot: Fixed<string | null>;
  input: Fixed<Json>;
  origin: Fixed<'manual' | 'schedule'>;
  state: 'waiting' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  /** When it may begin. */
  due_at: Timestamp;
  /** Drawn by the process that runs it, anew each time. */
  lease: string | null;
  lease_until: Timestamp;
  /** How often it was begun. */
  attempts: number;
  cancel_requested: Flag;
  progress: Json;
  result: Json | null;
  /** A sentence for people: why its last attempt failed. */
  problem: string | null;
  created_at: Fixed<Timestamp>;
  started_at: Timestamp | null;
  updated_at: Timestamp;
  finished_at: Timestamp | null;
}

export interface SchedulesTable {
  name: Fixed<string>;
  /** What each of its jobs is. */
  kind: string;
  slot: string | null;
  input: Json;
  /** Six fields, seconds first; in UTC. */
  cron: string;
  /** null: to be worked out by the first process that sees it. */
  next_at: Timestamp | null;
  created_at: Fixed<Timestamp>;
  updated_at: Timestamp;
}

/** The outbox: an event is written with its change, and removed when every consumer has heard it. */
export interface EventsTable {
  id: Generated<number>;
  type: Fixed<string>;
  payload: Fixed<Json>;
  created_at: Fixed<Timestamp>;
  lease_until: Timestamp;
  attempts: number;
}

/** Every table. `uploads` and `agent_requests` are transient; all others are durable. */
export interface Tables {
  generations: GenerationsTable;
  secrets: SecretsTable;
  users: UsersTable;
  access_tokens: AccessTokensTable;
  robots: RobotsTable;
  projects: ProjectsTable;
  project_members: ProjectMembersTable;
  repositories: RepositoriesTable;
  manifests: ManifestsTable;
  manifest_refs: ManifestRefsTable;
  manifest_leases: ManifestLeasesTable;
  manifest_orphans: ManifestOrphansTable;
  tags: TagsTable;
  blobs: BlobsTable;
  repository_blobs: RepositoryBlobsTable;
  deletion_holds: DeletionHoldsTable;
  deletions: DeletionsTable;
  jobs: JobsTable;
  schedules: SchedulesTable;
  events: EventsTable;
  charts: ChartsTable;
  clusters: ClustersTable;
  cluster_tokens: ClusterTokensTable;
  agent_identities: AgentIdentitiesTable;
  cluster_keys: ClusterKeysTable;
  cluster_nodes: ClusterNodesTable;
  cluster_namespaces: ClusterNamespacesTable;
  cluster_grants: ClusterGrantsTable;
  namespace_credentials: NamespaceCredentialsTable;
  uploads: UploadsTable;
  agent_requests: AgentRequestsTable;
}
