import type { Generated } from 'kysely';
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

export interface UsersTable {
  id: Generated<number>;
  username: string;
  email: string | null;
  realname: string;
  comment: string;
  /** argon2id in PHC form; null for users that another identity provider signs in. */
  password_hash: string | null;
  /** Grows whenever tokens issued on earlier credentials must stop working. */
  credential_generation: number;
  admin: Flag;
  created_at: Fixed<Timestamp>;
  updated_at: Timestamp;
}

/** Personal access tokens. */
export interface AccessTokensTable {
  id: Generated<number>;
  user_id: Fixed<number>;
  name: string;
  secret_hmac: Uint8Array;
  created_at: Fixed<Timestamp>;
  /** null: never. */
  expires_at: Timestamp | null;
  last_used_at: Timestamp | null;
}

export interface RobotsTable {
  id: Generated<number>;
  /** Without prefix; `project+name` for a robot of a project. Unique. */
  name: string;
  level: Fixed<'system' | 'project'>;
  project_id: Fixed<number | null>;
  description: string;
  secret_hmac: Uint8Array;
  /** Days that a secret lives; -1: for ever. */
  duration: number;
  expires_at: Timestamp | null;
  disabled: Flag;
  /** `Permission[]` of server/permissions. */
  permissions: Json;
  creator: string;
  credential_generation: number;
  created_at: Fixed<Timestamp>;
  updated_at: Timestamp;
}

export interface ProjectsTable {
  id: Generated<number>;
  name: Fixed<string>;
  public: Flag;
  owner_id: number | null;
  created_at: Fixed<Timestamp>;
  updated_at: Timestamp;
}

/** A person or the workloads of a cluster's namespace, with a role in a project. */
export interface ProjectMembersTable {
  id: Generated<number>;
  project_id: Fixed<number>;
  kind: Fixed<'user' | 'workload'>;
  user_id: Fixed<number | null>;
  /** `cluster/namespace/serviceaccount`; the last two may be `*`. */
  workload: Fixed<string | null>;
  role: 'project-admin' | 'maintainer' | 'developer' | 'guest' | 'limited-guest';
  created_at: Fixed<Timestamp>;
}

export interface RepositoriesTable {
  id: Generated<number>;
  project_id: Fixed<number>;
  /** The whole name, project included. Unique. */
  name: Fixed<string>;
  description: string;
  created_at: Fixed<Timestamp>;
  updated_at: Timestamp;
}

/** Unique by (repository, digest). The bytes are what was pushed, never written again. */
export interface ManifestsTable {
  id: Generated<number>;
  repository_id: Fixed<number>;
  digest: Fixed<string>;
  media_type: Fixed<string>;
  /** As the referrers API tells it: falls back to the config's media type. */
  artifact_type: Fixed<string | null>;
  subject_digest: Fixed<string | null>;
  /** The manifest's own annotations, `{}` when it has none. */
  annotations: Fixed<Json>;
  bytes: Fixed<Uint8Array>;
  /** Bytes of the manifest itself. */
  size: Fixed<number>;
  created_at: Fixed<Timestamp>;
}

/** The edges of a manifest, by digest and without foreign keys: what they point at may be absent. */
export interface ManifestRefsTable {
  manifest_id: Fixed<number>;
  position: Fixed<number>;
  /** Of the manifest. */
  repository_id: Fixed<number>;
  kind: Fixed<'config' | 'layer' | 'child' | 'subject'>;
  digest: Fixed<string>;
  media_type: Fixed<string>;
  size: Fixed<number>;
}

/** Keeps a manifest from being collected for a while. */
export interface ManifestLeasesTable {
  manifest_id: Fixed<number>;
  /** When somebody was told that the manifest is there, or took a tag from it. */
  leased_at: Timestamp;
}

/** Manifests whose subject or index was deleted: they follow it, unless something else keeps them. */
export interface ManifestOrphansTable {
  manifest_id: Fixed<number>;
  orphaned_at: Timestamp;
}

/** Unique by (repository, name). */
export interface TagsTable {
  id: Generated<number>;
  repository_id: Fixed<number>;
  name: Fixed<string>;
  manifest_id: number;
  created_at: Fixed<Timestamp>;
  updated_at: Timestamp;
}

/** A digest is unique among live rows only: a blob being deleted never meets its successor. */
export interface BlobsTable {
  id: Generated<number>;
  digest: Fixed<string>;
  size: Fixed<number>;
  /** Unique to each upload: another one when a push has brought the bytes of a lost blob again. */
  storage_key: string;
  state: 'live' | 'deleting';
  /** When its bytes were found to be missing or damaged; null: they are there. */
  lost_at: Timestamp | null;
  created_at: Fixed<Timestamp>;
}

/** Which repository may read which blob. */
export interface RepositoryBlobsTable {
  repository_id: Fixed<number>;
  blob_id: Fixed<number>;
  /** Renewed whenever a client is told that the blob exists. */
  linked_at: Timestamp;
}

/** While one lives, no file of a blob is deleted. */
export interface DeletionHoldsTable {
  id: Fixed<string>;
  /** For people. */
  reason: Fixed<string>;
  lease_until: Timestamp;
}

/** Deletions of files under way. None begins while a hold lives. */
export interface DeletionsTable {
  id: Fixed<string>;
  /** Its holder deletes nothing from then on. */
  lease_until: Timestamp;
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

/** What was read out of a chart after its push. */
export interface ChartsTable {
  manifest_id: Fixed<number>;
  repository_id: Fixed<number>;
  /** From Chart.yaml; null where the archive could not be read. */
  name: string | null;
  version: string | null;
  app_version: string | null;
  /** The whole of Chart.yaml. */
  metadata: Json;
  readme: string | null;
  /** values.yaml as written, comments kept. */
  values_yaml: string | null;
  values_schema: string | null;
  /** `{ path, text }[]` of templates and CRDs. */
  templates: Json;
  provenance: string | null;
  /** The digest and size of the layer that holds the archive. */
  archive_digest: string | null;
  archive_size: number | null;
  /** A sentence for people, where the chart could not be read whole. */
  problem: string | null;
  created_at: Fixed<Timestamp>;
}

/** An open blob upload. Needs no sync: a session that a crash loses is begun again by the client. */
export interface UploadsTable {
  id: Fixed<string>;
  repository: Fixed<string>;
  storage_key: Fixed<string>;
  /** Bytes received. */
  offset: number;
  lease_until: Timestamp;
  created_at: Fixed<Timestamp>;
  updated_at: Timestamp;
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
