import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { NamespaceSelector } from '#contract/agent.ts';
import {
  ClusterGrant,
  ClusterGrantCreation,
  ClusterGrantParameters,
  ClusterListQuery,
  ClusterParameters,
} from '#contract/clusters.ts';
import { Done } from '#contract/projects.ts';
import { roleIds } from '#contract/roles.ts';
import { selects } from '#kubernetes/namespace-selection.ts';
import type { Database } from '#server/database/database.ts';
import {
  authorize,
  describePage,
  grantsOf,
  pageOf,
  parseSort,
  type RestApplication,
  restPrefix,
} from '#server/http/rest/index.ts';
import { decide, systemResource } from '#server/permissions/decide.ts';
import type { Permission, Role } from '#server/permissions/roles.ts';
import {
  clusterIdOf,
  type GrantRow,
  grantSorts,
  listGrants,
  readGrant,
  reportedNamespaces,
} from './queries.ts';
import { readSelector, writeSelector } from './selectors.ts';
import { createClusterGrant, deleteClusterGrant, notConnected, unknownGrant } from './writes.ts';

export interface GrantRoutesOptions {
  readonly database: Database;
  readonly now: () => number;
}

/** What a granted namespace gets: it pulls. */
const grantedRole: Role = 'limited-guest';

/**
 * What namespaces of a cluster may pull. Who may say who is a member of a project may say so here
 * as well, whatever the cluster.
 */
export function addGrantRoutes(
  application: RestApplication,
  { database, now }: GrantRoutesOptions,
) {
  const { read } = database;
  const path = `${restPrefix}/clusters/:cluster/grants`;
  const common = { tags: ['cluster'] };

  application.get(
    path,
    {
      schema: {
        ...common,
        summary: 'List what namespaces of a cluster may pull',
        description: 'Grants in projects whose members the caller may see.',
        params: ClusterParameters,
        querystring: ClusterListQuery,
        response: { 200: Type.Array(ClusterGrant) },
      },
    },
    async (request, reply) => {
      const projects = await projectsWith(request, 'member:list');
      const cluster = await requireCluster(request.params.cluster);
      const page = pageOf(request.query);
      const sort = parseSort(request.query.sort, grantSorts);
      const { rows, total } = await listGrants(read, { cluster, projects, sort }, page);
      describePage(request, reply, page, total);
      return rows.map(grantBody);
    },
  );

  application.post(
    path,
    {
      schema: {
        ...common,
        summary: 'Let namespaces of a cluster pull from a project',
        params: ClusterParameters,
        body: ClusterGrantCreation,
        response: { 200: ClusterGrant, 201: ClusterGrant },
      },
    },
    async (request, reply) => {
      const { project, selector } = request.body;
      await authorize(request, 'member:create', { kind: 'project', project });
      const { cluster } = request.params;
      const { id, created } = await database.write(createClusterGrant, {
        cluster,
        project,
        selector: writeSelector(selector),
        role: grantedRole,
        now: now(),
      });
      const grant = await requireGrant(cluster, id);
      const warning = await warningOf(cluster, selector);
      // As the API server of Kubernetes warns.
      if (warning !== undefined) reply.header('warning', `299 - "${warning}"`);
      if (!created) return reply.code(200).send(grantBody(grant));
      const location = `${restPrefix}/clusters/${cluster}/grants/${id}`;
      return reply.code(201).header('location', location).send(grantBody(grant));
    },
  );

  application.delete(
    `${path}/:grant`,
    {
      schema: {
        ...common,
        summary: 'Take away what namespaces of a cluster may pull',
        params: ClusterGrantParameters,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const { cluster, grant: id } = request.params;
      const projects = await projectsWith(request, 'member:list');
      const { project } = await requireGrant(cluster, id);
      if (projects !== undefined && !projects.includes(project)) throw unknownGrant(cluster, id);
      await authorize(request, 'member:delete', { kind: 'project', project });
      await database.write(deleteClusterGrant, { cluster, id });
      return reply.code(200).send();
    },
  );

  async function requireCluster(name: string): Promise<number> {
    const id = await clusterIdOf(read, name);
    if (id === undefined) throw notConnected(name);
    return id;
  }

  /** Where the grant covers nothing that is there: a name may have been mistyped. */
  async function warningOf(
    cluster: string,
    selector: NamespaceSelector,
  ): Promise<string | undefined> {
    const namespaces = await reportedNamespaces(read, await requireCluster(cluster));
    if (namespaces.length === 0) {
      return `${cluster} has reported no namespaces yet: see berth cluster status ${cluster}.`;
    }
    const isCovered = ({ name, labels }: (typeof namespaces)[number]) =>
      selects(selector, { name, labels: JSON.parse(labels) });
    if (selector.kind === 'all' || namespaces.some(isCovered)) return undefined;
    return selector.kind === 'name'
      ? `${cluster} has no namespace ${selector.name} now: the grant counts once there is one. Take it back if the name is mistyped.`
      : `No namespace of ${cluster} has these labels now: the grant counts for those that get them.`;
  }

  async function requireGrant(cluster: string, id: number): Promise<GrantRow> {
    const row = await readGrant(read, await requireCluster(cluster), id);
    if (row === undefined) throw unknownGrant(cluster, id);
    return row;
  }
}

/**
 * Where the caller may do `permission`; undefined: in every project.
 * @throws {Refusal} `unauthenticated`, `denied` where it may nowhere
 */
async function projectsWith(
  request: FastifyRequest,
  permission: Permission,
): Promise<readonly string[] | undefined> {
  const grants = await grantsOf(request, 'all');
  if (decide(grants, 'cluster:read', systemResource).allowed) return undefined;
  const projects = [...grants.projects.keys()].filter(
    (project) => decide(grants, permission, { kind: 'project', project }).allowed,
  );
  if (projects.length === 0) await authorize(request, 'cluster:read', systemResource);
  return projects;
}

function grantBody({ id, project, selector, role, created_at }: GrantRow): ClusterGrant {
  return {
    id,
    project,
    selector: readSelector(selector),
    role_id: roleIds[role],
    creation_time: new Date(created_at).toISOString(),
  };
}
