import { Type } from 'typebox';
import type { NodeReport } from '#contract/agent.ts';
import {
  ClusterListQuery,
  ClusterNamespace,
  ClusterNode,
  ClusterParameters,
  CredentialRotation,
} from '#contract/clusters.ts';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import { authorize, describePage, pageOf, type RestApplication } from '#server/http/rest/index.ts';
import { decide, systemResource } from '#server/permissions/decide.ts';
import type { CallAgent } from './call-agent.ts';
import { clustersPath } from './cluster-routes.ts';
import { agentAway } from './errors.ts';
import { requireCluster } from './find-cluster.ts';
import { isConnected } from './presence.ts';
import { type ClusterRow, listNamespaces, listNodes } from './queries.ts';

export interface ContentRoutesOptions {
  readonly database: Database;
  readonly callAgent: CallAgent;
  readonly now: () => number;
}

const tags = ['cluster'];

/** What agents report of their clusters, and what they are asked to do there. */
export function addContentRoutes(application: RestApplication, options: ContentRoutesOptions) {
  const { database, callAgent, now } = options;
  const { read } = database;

  application.get(
    `${clustersPath}/:cluster/nodes`,
    {
      schema: {
        tags,
        summary: 'The nodes of a cluster, and whether they trust the registry',
        params: ClusterParameters,
        querystring: ClusterListQuery,
        response: { 200: Type.Array(ClusterNode) },
      },
    },
    async (request, reply) => {
      await authorize(request, 'cluster:read', systemResource);
      const { id } = await requireCluster(read, request.params.cluster);
      const page = pageOf(request.query);
      const { rows, total } = await listNodes(read, id, page);
      describePage(request, reply, page, total);
      return rows.map(({ report, updated_at }) => ({
        ...(JSON.parse(report) as NodeReport),
        update_time: new Date(updated_at).toISOString(),
      }));
    },
  );

  application.get(
    `${clustersPath}/:cluster/namespaces`,
    {
      schema: {
        tags,
        summary: 'The namespaces of a cluster, and what they may pull',
        params: ClusterParameters,
        querystring: ClusterListQuery,
        response: { 200: Type.Array(ClusterNamespace) },
      },
    },
    async (request, reply) => {
      await authorize(request, 'cluster:read', systemResource);
      const { id, name: cluster } = await requireCluster(read, request.params.cluster);
      const page = pageOf(request.query);
      const { rows, total } = await listNamespaces(read, id, page);
      describePage(request, reply, page, total);
      return Promise.all(
        rows.map(async ({ name, labels, credentials }) => ({
          name,
          labels: JSON.parse(labels),
          ...(credentials !== null && { credentials: JSON.parse(credentials) }),
          projects: await pullableBy(cluster, name),
        })),
      );
    },
  );

  application.post(
    `${clustersPath}/:cluster/test-pulls`,
    {
      schema: {
        tags,
        summary: 'Pull an image in the cluster; the checklist tells how it went',
        params: ClusterParameters,
      },
    },
    async (request, reply) => {
      await authorize(request, 'cluster:update', systemResource);
      const { id } = await requireConnected(request.params.cluster);
      await callAgent(id, 'pull.test', {});
      reply.code(202);
    },
  );

  application.post(
    `${clustersPath}/:cluster/credential-rotations`,
    {
      schema: {
        tags,
        summary: 'Make new credentials for the namespaces of a cluster, or for one of them',
        params: ClusterParameters,
        body: CredentialRotation,
      },
    },
    async (request, reply) => {
      await authorize(request, 'cluster:update', systemResource);
      const { id } = await requireConnected(request.params.cluster);
      await callAgent(id, 'credentials.rotate', request.body);
      reply.code(202);
    },
  );

  /** @throws {Refusal} `not-found`, `precondition` */
  async function requireConnected(name: string): Promise<ClusterRow> {
    const cluster = await requireCluster(read, name);
    if (!isConnected(cluster, now())) throw new Refusal('precondition', agentAway(name));
    return cluster;
  }

  /** Those that something is granted in; what anyone may pull is left out. */
  async function pullableBy(cluster: string, namespace: string): Promise<string[]> {
    const grants = await application.loadGrants(
      { kind: 'workload', cluster, namespace, serviceAccount: '*' },
      'all',
    );
    return [...grants.projects]
      .filter(
        ([project, { public: isPublic }]) =>
          !isPublic && decide(grants, 'repository:pull', { kind: 'project', project }).allowed,
      )
      .map(([project]) => project)
      .sort();
  }
}
