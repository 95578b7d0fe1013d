import type { Generated } from 'kysely';
import type { Fixed, Json, Timestamp } from './column-types.ts';

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
