import type { ColumnTypes, Migration } from './migration.ts';

export const firstTables: Migration = {
  version: 1,
  statements: {
    durable: (types) => [...server(types), ...people(types), ...content(types), ...blobs(types)],
    transient: uploads,
  },
};

function server({ id, integer, bytes, text, name, options }: ColumnTypes): string[] {
  return [
    `create table generations (
      name ${name} primary key not null,
      value ${integer} not null
    ) ${options}`,
    `insert into generations (name, value) values ('grants', 1)`,
    `create table secrets (
      name ${name} primary key not null,
      sealed ${bytes} not null,
      created_at ${integer} not null
    ) ${options}`,
    `create table events (
      id ${id},
      type ${name} not null,
      payload ${text} not null,
      created_at ${integer} not null,
      lease_until ${integer} not null,
      attempts ${integer} not null
    ) ${options}`,
    'create index events_by_lease on events (lease_until, id)',
  ];
}

function people({ id, integer, flag, bytes, text, name, options }: ColumnTypes): string[] {
  return [
    `create table users (
      id ${id},
      username ${name} not null unique,
      email ${text},
      realname ${text} not null,
      comment ${text} not null,
      password_hash ${text},
      credential_generation ${integer} not null,
      admin ${flag} not null check (admin in (0, 1)),
      created_at ${integer} not null,
      updated_at ${integer} not null
    ) ${options}`,
    `create table access_tokens (
      id ${id},
      user_id ${integer} not null references users (id) on delete cascade,
      name ${name} not null,
      secret_hmac ${bytes} not null unique,
      created_at ${integer} not null,
      expires_at ${integer},
      last_used_at ${integer},
      unique (user_id, name)
    ) ${options}`,
    `create table projects (
      id ${id},
      name ${name} not null unique,
      public ${flag} not null check (public in (0, 1)),
      owner_id ${integer} references users (id) on delete set null,
      created_at ${integer} not null,
      updated_at ${integer} not null
    ) ${options}`,
    'create index projects_by_owner on projects (owner_id)',
    `create table project_members (
      id ${id},
      project_id ${integer} not null references projects (id) on delete cascade,
      kind ${name} not null,
      user_id ${integer} references users (id) on delete cascade,
      workload ${name},
      role ${name} not null,
      created_at ${integer} not null,
      unique (project_id, user_id),
      unique (project_id, workload),
      check (
        (kind = 'user' and user_id is not null and workload is null) or
        (kind = 'workload' and user_id is null and workload is not null)
      )
    ) ${options}`,
    'create index project_members_by_user on project_members (user_id)',
    'create index project_members_by_workload on project_members (workload)',
    `create table robots (
      id ${id},
      name ${name} not null unique,
      level ${name} not null,
      project_id ${integer} references projects (id) on delete cascade,
      description ${text} not null,
      secret_hmac ${bytes} not null,
      duration ${integer} not null,
      expires_at ${integer},
      disabled ${flag} not null check (disabled in (0, 1)),
      permissions ${text} not null,
      creator ${text} not null,
      credential_generation ${integer} not null,
      created_at ${integer} not null,
      updated_at ${integer} not null,
      check (
        (level = 'system' and project_id is null) or
        (level = 'project' and project_id is not null)
      )
    ) ${options}`,
    'create index robots_by_project on robots (project_id)',
  ];
}

function content({ id, integer, bytes, text, name, options }: ColumnTypes): string[] {
  return [
    // A project goes only when its repositories have gone.
    `create table repositories (
      id ${id},
      project_id ${integer} not null references projects (id),
      name ${name} not null unique,
      description ${text} not null,
      created_at ${integer} not null,
      updated_at ${integer} not null
    ) ${options}`,
    'create index repositories_by_project on repositories (project_id, name)',
    `create table manifests (
      id ${id},
      repository_id ${integer} not null references repositories (id) on delete cascade,
      digest ${name} not null,
      media_type ${name} not null,
      artifact_type ${name},
      subject_digest ${name},
      annotations ${text} not null,
      bytes ${bytes} not null,
      size ${integer} not null,
      created_at ${integer} not null,
      unique (repository_id, digest)
    ) ${options}`,
    'create index manifests_by_subject on manifests (repository_id, subject_digest)',
    `create table manifest_refs (
      manifest_id ${integer} not null references manifests (id) on delete cascade,
      position ${integer} not null,
      kind ${name} not null,
      digest ${name} not null,
      media_type ${name} not null,
      size ${integer} not null,
      primary key (manifest_id, position)
    ) ${options}`,
    'create index manifest_refs_by_digest on manifest_refs (digest)',
    `create table tags (
      id ${id},
      repository_id ${integer} not null references repositories (id) on delete cascade,
      name ${name} not null,
      manifest_id ${integer} not null references manifests (id) on delete cascade,
      created_at ${integer} not null,
      updated_at ${integer} not null,
      unique (repository_id, name)
    ) ${options}`,
    'create index tags_by_manifest on tags (manifest_id)',
    `create table charts (
      manifest_id ${integer} primary key not null references manifests (id) on delete cascade,
      repository_id ${integer} not null references repositories (id) on delete cascade,
      name ${name},
      version ${name},
      app_version ${text},
      metadata ${text} not null,
      readme ${text},
      values_yaml ${text},
      values_schema ${text},
      templates ${text} not null,
      provenance ${text},
      archive_digest ${name},
      archive_size ${integer},
      problem ${text},
      created_at ${integer} not null
    ) ${options}`,
    'create index charts_by_repository on charts (repository_id)',
  ];
}

function blobs({ id, integer, name, options }: ColumnTypes): string[] {
  return [
    `create table blobs (
      id ${id},
      digest ${name} not null,
      size ${integer} not null,
      storage_key ${name} not null unique,
      state ${name} not null check (state in ('live', 'deleting')),
      created_at ${integer} not null
    ) ${options}`,
    `create unique index blobs_live_by_digest on blobs (digest) where state = 'live'`,
    'create index blobs_by_state on blobs (state, id)',
    `create table repository_blobs (
      repository_id ${integer} not null references repositories (id) on delete cascade,
      blob_id ${integer} not null references blobs (id) on delete cascade,
      linked_at ${integer} not null,
      primary key (repository_id, blob_id)
    ) ${options}`,
    'create index repository_blobs_by_blob on repository_blobs (blob_id)',
  ];
}

function uploads({ integer, name, options }: ColumnTypes): string[] {
  return [
    `create table uploads (
      id ${name} primary key not null,
      repository ${name} not null,
      storage_key ${name} not null unique,
      "offset" ${integer} not null,
      lease_until ${integer} not null,
      created_at ${integer} not null,
      updated_at ${integer} not null
    ) ${options}`,
    'create index uploads_by_update on uploads (updated_at)',
  ];
}
