import type { Database, PreparedQuery, Reader } from '#server/database/database.ts';
import type { Page, SortKey } from '#server/http/rest/index.ts';
import type { Role } from '#server/permissions/roles.ts';

export interface GrantRow {
  readonly id: number;
  readonly project: string;
  /** As `writeSelector` writes it. */
  readonly selector: string;
  readonly role: Role;
  readonly created_at: number;
}

export interface GrantOfCluster {
  readonly cluster: string;
  readonly project: string;
  readonly selector: string;
  readonly role: Role;
}

export async function clusterIdOf(read: Reader, name: string): Promise<number | undefined> {
  const row = await read
    .selectFrom('clusters')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirst();
  return row?.id;
}

/** As the agent of the cluster reported them. */
export async function reportedNamespaces(
  read: Reader,
  cluster: number,
): Promise<readonly { readonly name: string; readonly labels: string }[]> {
  return read
    .selectFrom('cluster_namespaces')
    .select(['name', 'labels'])
    .where('cluster_id', '=', cluster)
    .execute();
}

function grantsWithProjects(read: Reader) {
  return read
    .selectFrom('cluster_grants')
    .innerJoin('projects', 'projects.id', 'cluster_grants.project_id');
}

/** Of every cluster. */
export async function allGrants(read: Reader): Promise<readonly GrantOfCluster[]> {
  return grantsWithProjects(read)
    .innerJoin('clusters', 'clusters.id', 'cluster_grants.cluster_id')
    .select(['clusters.name as cluster', 'projects.name as project'])
    .select(['cluster_grants.selector', 'cluster_grants.role'])
    .execute();
}

export const grantSorts = ['project', 'id', 'creation_time'] as const;

const sortColumns = {
  project: 'projects.name',
  id: 'cluster_grants.id',
  creation_time: 'cluster_grants.created_at',
} as const;

export interface GrantSelection {
  readonly cluster: number;
  /** undefined: in every project. */
  readonly projects: readonly string[] | undefined;
  readonly sort: readonly SortKey<(typeof grantSorts)[number]>[];
}

export async function listGrants(
  read: Reader,
  { cluster, projects, sort }: GrantSelection,
  page: Page,
): Promise<{ readonly rows: readonly GrantRow[]; readonly total: number }> {
  let grants = grantsWithProjects(read).where('cluster_grants.cluster_id', '=', cluster);
  if (projects !== undefined) grants = grants.where('projects.name', 'in', projects);
  const { total } = await grants
    .select((part) => part.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  let query = grants
    .select(['cluster_grants.id', 'projects.name as project', 'cluster_grants.selector'])
    .select(['cluster_grants.role', 'cluster_grants.created_at']);
  for (const { field, falling } of sort) {
    query = query.orderBy(sortColumns[field], falling ? 'desc' : 'asc');
  }
  const rows = await query
    .orderBy('cluster_grants.id')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { rows, total: Number(total) };
}

export async function readGrant(
  read: Reader,
  cluster: number,
  id: number,
): Promise<GrantRow | undefined> {
  return grantsWithProjects(read)
    .select(['cluster_grants.id', 'projects.name as project', 'cluster_grants.selector'])
    .select(['cluster_grants.role', 'cluster_grants.created_at'])
    .where('cluster_grants.cluster_id', '=', cluster)
    .where('cluster_grants.id', '=', id)
    .executeTakeFirst();
}

/** The labels of a namespace, as its cluster's agent reported them. */
export function prepareNamespaceLabels(
  database: Database,
): PreparedQuery<[cluster: string, namespace: string], { readonly labels: string }> {
  return database.prepareRemembered((read, argument) =>
    read
      .selectFrom('cluster_namespaces')
      .innerJoin('clusters', 'clusters.id', 'cluster_namespaces.cluster_id')
      .select('cluster_namespaces.labels')
      .where('clusters.name', '=', argument<string>(0))
      .where('cluster_namespaces.name', '=', argument<string>(1)),
  );
}
