import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterParameters, Disconnection, DisconnectQuery } from '#contract/clusters.ts';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import { authorize, type RestApplication } from '#server/http/rest/index.ts';
import { systemResource } from '#server/permissions/decide.ts';
import type { CallAgent } from './call-agent.ts';
import { clustersPath } from './cluster-routes.ts';
import { disconnectionOf } from './disconnection.ts';
import { requireCluster } from './find-cluster.ts';
import { isConnected } from './presence.ts';
import { type ClusterRow, findCluster } from './queries.ts';
import { beginDisconnection, forgetCluster } from './writes/clusters.ts';

export interface DisconnectRoutesOptions {
  readonly database: Database;
  readonly callAgent: CallAgent;
  readonly now: () => number;
}

/** Less than proxies allow a request to take. */
const waitMilliseconds = 45_000;
const lookMilliseconds = 250;

export function addDisconnectRoutes(
  application: RestApplication,
  { database, callAgent, now }: DisconnectRoutesOptions,
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
      const { force = false, leave_provider: leaveProvider = false } = request.query;
      const cluster = await requireCluster(read, name);
      const isEmpty = cluster.enrolled_at === null;
      if (isEmpty || force) {
        await database.write(forgetCluster, { cluster: name });
        return disconnected(isEmpty ? [] : leftByForce(cluster));
      }
      const { done } = disconnectionOf(cluster.left_behind);
      if (!done) {
        if (!isConnected(cluster, now())) throw unreachable(cluster);
        await database.write(beginDisconnection, { cluster: name, now: now() });
        if (leaveProvider) await callAgent(cluster.id, 'cluster.remove', { leaveProvider });
      }
      const disconnection = await follow(name, cluster.id, leaveProvider);
      if (disconnection.done) await forget(name, cluster.id);
      else reply.code(202);
      return disconnection;
    },
  );

  /** Others may have waited for the same. */
  async function forget(name: string, id: number): Promise<void> {
    if ((await findCluster(read, name))?.id !== id) return;
    try {
      await database.write(forgetCluster, { cluster: name });
    } catch (error) {
      if (!(error instanceof Refusal) || error.kind !== 'not-found') throw error;
    }
  }

  /** Until it is done, waits for nodes that are not to be left, or takes longer than a request may. */
  async function follow(name: string, id: number, leaveProvider: boolean): Promise<Disconnection> {
    const deadline = now() + waitMilliseconds;
    for (;;) {
      const row = await findCluster(read, name);
      if (row?.id !== id) return disconnected([]);
      const disconnection = disconnectionOf(row.left_behind);
      const waits = disconnection.waits_for.length > 0 && !leaveProvider;
      if (disconnection.done || waits || now() > deadline) return disconnection;
      await sleep(lookMilliseconds);
    }
  }
}

function disconnected(left: string[]): Disconnection {
  return { done: true, left, waits_for: [] };
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
