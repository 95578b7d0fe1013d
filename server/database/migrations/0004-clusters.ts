import type { ColumnTypes, Migration } from './migration.ts';

export const clusters: Migration = {
  version: 4,
  statements: {
    durable: (types) => [...identities(types), ...contents(types), ...credentials(types)],
    transient: ({ integer, text, name, options }) => [
      `create table agent_requests (
        id ${name} primary key not null,
        cluster_id ${integer} not null,
        method ${name} not null,
        parameters ${text} not null,
        answer ${text},
        created_at ${integer} not null
      ) ${options}`,
      'create index agent_requests_by_cluster on agent_requests (cluster_id, created_at)',
    ],
  },
};

function identities({ id, integer, bytes, text, name, options }: ColumnTypes): string[] {
  return [
    `create table clusters (
      id ${id},
      name ${name} not null unique,
      uid ${name} unique,
      issuer ${text},
      kubernetes_version ${text},
      settings ${text} not null,
      checks ${text} not null,
      created_at ${integer} not null,
      enrolled_at ${integer},
      connection ${name},
      seen_at ${integer},
      disconnecting_at ${integer},
      left_behind ${text}
    ) ${options}`,
    `create table cluster_tokens (
      id ${id},
      cluster_id ${integer} not null references clusters (id) on delete cascade,
      secret_hmac ${bytes} not null unique,
      creator ${text} not null,
      created_at ${integer} not null,
      expires_at ${integer} not null,
      shown_at ${integer},
      shown_to ${text},
      used_at ${integer},
      problem ${text},
      distrusted_by ${text}
    ) ${options}`,
    'create index cluster_tokens_by_cluster on cluster_tokens (cluster_id)',
    `create table agent_identities (
      id ${id},
      cluster_id ${integer} not null references clusters (id) on delete cascade,
      secret_hmac ${bytes} not null unique,
      created_at ${integer} not null,
      first_used_at ${integer}
    ) ${options}`,
    'create index agent_identities_by_cluster on agent_identities (cluster_id)',
    `create table cluster_keys (
      thumbprint ${name} primary key not null,
      cluster_id ${integer} not null references clusters (id) on delete cascade,
      jwk ${text} not null,
      proven_at ${integer},
      created_at ${integer} not null
    ) ${options}`,
    'create index cluster_keys_by_cluster on cluster_keys (cluster_id)',
  ];
}

function contents({ integer, text, name, options }: ColumnTypes): string[] {
  return [
    `create table cluster_nodes (
      cluster_id ${integer} not null references clusters (id) on delete cascade,
      name ${name} not null,
      report ${text} not null,
      trust ${name} not null,
      updated_at ${integer} not null,
      primary key (cluster_id, name)
    ) ${options}`,
    `create table cluster_namespaces (
      cluster_id ${integer} not null references clusters (id) on delete cascade,
      name ${name} not null,
      uid ${name} not null,
      labels ${text} not null,
      credentials ${text},
      updated_at ${integer} not null,
      primary key (cluster_id, name)
    ) ${options}`,
  ];
}

function credentials({ id, integer, bytes, name, text, options }: ColumnTypes): string[] {
  return [
    `create table cluster_grants (
      id ${id},
      cluster_id ${integer} not null references clusters (id) on delete cascade,
      project_id ${integer} not null references projects (id) on delete cascade,
      selector ${text} not null,
      role ${name} not null,
      created_at ${integer} not null,
      unique (cluster_id, project_id, selector)
    ) ${options}`,
    'create index cluster_grants_by_project on cluster_grants (project_id)',
    `create table namespace_credentials (
      cluster_id ${integer} not null references clusters (id) on delete cascade,
      namespace ${name} not null,
      generation ${integer} not null,
      namespace_uid ${name} not null,
      secret_hmac ${bytes} not null,
      created_at ${integer} not null,
      placed_at ${integer},
      ends_at ${integer},
      primary key (cluster_id, namespace, generation)
    ) ${options}`,
  ];
}
