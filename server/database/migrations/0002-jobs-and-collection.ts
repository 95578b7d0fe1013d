import type { ColumnTypes, Migration } from './migration.ts';

export const jobsAndCollection: Migration = {
  version: 2,
  statements: {
    durable: (types) => [...jobs(types), ...edges(types), ...collection(types)],
    transient: () => [],
  },
};

function jobs({ id, integer, flag, text, name, options }: ColumnTypes): string[] {
  return [
    `create table jobs (
      id ${id},
      kind ${name} not null,
      slot ${name},
      input ${text} not null,
      origin ${name} not null check (origin in ('manual', 'schedule')),
      state ${name} not null
        check (state in ('waiting', 'running', 'succeeded', 'failed', 'cancelled')),
      due_at ${integer} not null,
      lease ${name},
      lease_until ${integer} not null,
      attempts ${integer} not null,
      cancel_requested ${flag} not null check (cancel_requested in (0, 1)),
      progress ${text} not null,
      result ${text},
      problem ${text},
      created_at ${integer} not null,
      started_at ${integer},
      updated_at ${integer} not null,
      finished_at ${integer}
    ) ${options}`,
    // NULL is unlike every NULL: jobs without a slot do not shut each other out.
    'create unique index jobs_open_by_slot on jobs (slot) where finished_at is null',
    'create index jobs_open_by_due on jobs (due_at, id) where finished_at is null',
    'create index jobs_by_kind on jobs (kind, id)',
    `create table schedules (
      name ${name} primary key not null,
      kind ${name} not null,
      slot ${name},
      input ${text} not null,
      cron ${name} not null,
      next_at ${integer},
      created_at ${integer} not null,
      updated_at ${integer} not null
    ) ${options}`,
    // Every night, until an admin says otherwise.
    `insert into schedules
      (name, kind, slot, input, cron, next_at, created_at, updated_at)
      values ('garbage-collection', 'garbage-collection', 'garbage-collection',
        '{"deleteUntagged":false,"dryRun":false}', '0 0 3 * * *', null, 0, 0)`,
  ];
}

/** Edges with their repository, so that one index answers whether a repository needs a blob. */
function edges({ integer, name, options }: ColumnTypes): string[] {
  return [
    'alter table manifest_refs rename to manifest_refs_before',
    'drop index manifest_refs_by_digest',
    `create table manifest_refs (
      manifest_id ${integer} not null references manifests (id) on delete cascade,
      position ${integer} not null,
      repository_id ${integer} not null,
      kind ${name} not null,
      digest ${name} not null,
      media_type ${name} not null,
      size ${integer} not null,
      primary key (manifest_id, position)
    ) ${options}`,
    `insert into manifest_refs
      (manifest_id, position, repository_id, kind, digest, media_type, size)
      select edge.manifest_id, edge.position, manifests.repository_id, edge.kind, edge.digest,
        edge.media_type, edge.size
      from manifest_refs_before as edge join manifests on manifests.id = edge.manifest_id`,
    'drop table manifest_refs_before',
    'create index manifest_refs_by_digest on manifest_refs (digest, repository_id)',
  ];
}

function collection({ integer, name, text, options }: ColumnTypes): string[] {
  return [
    `create table manifest_leases (
      manifest_id ${integer} primary key not null references manifests (id) on delete cascade,
      leased_at ${integer} not null
    ) ${options}`,
    `create table manifest_orphans (
      manifest_id ${integer} primary key not null references manifests (id) on delete cascade,
      orphaned_at ${integer} not null
    ) ${options}`,
    `create table deletion_holds (
      id ${name} primary key not null,
      reason ${text} not null,
      lease_until ${integer} not null
    ) ${options}`,
    `create table deletions (
      id ${name} primary key not null,
      lease_until ${integer} not null
    ) ${options}`,
  ];
}
