import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterParameters, Disconnection, DisconnectQuery } from '#contract/clusters.ts';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import { authorize, type RestApplication } from '#server/http/rest/index.ts';
import { systemResource } from '#server/permissions/decide.ts';
import { clustersPath } from './cluster-routes.ts';
import { requireCluster } from './find-cluster.ts';
import { isConnected } from './presence.ts';
import { type ClusterRow, findCluster } from './queries.ts';
import { beginDisconnection, forgetCluster } from './writes/clusters.ts';

/** Less than proxies allow a request to take. */
const waitMilliseconds = 45_000;
const lookMilliseconds = 250;

export function addDisconnectRoutes(
  application: RestApplication,
  { database, now }: { readonly database: Database; readonly now: () => number },
) {
  const { read } = database;

  application.delete(
    `${clustersPath}/:cluster`,
    {
      schema: {
        tags: ['cluster'],
        summary: 'Have the agent remove everything from a cluster, and forget the cluster',
        params: ClusterParameters,
        querystring: DisconnectQuery,
        response: { 200: Disconnection, 202: Disconnection },
      },
    },
    async (request, reply) => {
      await authorize(request, 'cluster:delete', systemResource);
      const { cluster: name } = request.params;
      const cluster = await requireCluster(read, name);
      const isEmpty = cluster.enrolled_at === null;
      if (isEmpty || request.query.force) {
        await database.write(forgetCluster, { cluster: name });
        return { done: true, left: isEmpty ? [] : leftByForce(cluster) };
      }
      if (cluster.left_behind === null && !isConnected(cluster, now())) throw unreachable(cluster);
      await database.write(beginDisconnection, { cluster: name, now: now() });
      const left = await removal(name, cluster.id);
      if (left === undefined) {
        reply.code(202);
        return { done: false, left: [] };
      }
      await forget(name);
      return { done: true, left };
    },
  );

  /** Others may have waited for the same. */
  async function forget(name: string): Promise<void> {
    try {
      await database.write(forgetCluster, { cluster: name });
    } catch (error) {
      if (!(error instanceof Refusal) || error.kind !== 'not-found') throw error;
    }
  }

  /** What the agent could not remove; undefined where it has not ended in time. */
  async function removal(name: string, id: number): Promise<string[] | undefined> {
    const deadline = now() + waitMilliseconds;
    while (now() < deadline) {
      const row = await findCluster(read, name);
      if (row?.id !== id) return [];
      if (row.left_behind !== null) return JSON.parse(row.left_behind) as string[];
      await sleep(lookMilliseconds);
    }
    return undefined;
  }
}

function unreachable({ name, seen_at: seenAt }: ClusterRow): Refusal {
  const since =
    seenAt === null ? 'has never come' : `is away since ${new Date(seenAt).toISOString()}`;
  return new Refusal(
    'precondition',
    `The agent of ${name} ${since}, so nothing in the cluster can be removed: bring it back, or forget the cluster with berth cluster disconnect ${name} --force.`,
  );
}

function leftByForce({ name }: ClusterRow): string[] {
  return [
    `The cluster ${name} was forgotten without its agent: what it has of Berth stays there. Remove it with kubectl delete namespace berth, and kubectl delete clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,mutatingwebhookconfiguration --selector app.kubernetes.io/part-of=berth; the Secrets are found by kubectl get secrets --all-namespaces --selector app.kubernetes.io/part-of=berth.`,
  ];
}
