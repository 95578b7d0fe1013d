import { setTimeout as wait } from 'node:timers/promises';
import type { AwaitedNode } from '#contract/agent.ts';
import { type KubernetesApi, listAll, type Resource, resources } from '#kubernetes/api/index.ts';
import { agentName, berthNamespace, ourLabels } from '#kubernetes/manifests/names.ts';
import { roles } from '#kubernetes/manifests/roles.ts';
import type { Log } from '../log.ts';
import type { AgentPart, RemovalOrder } from '../part.ts';

export interface Removal {
  readonly api: KubernetesApi;
  readonly registry: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const mostTries = 12;
const retryMilliseconds = 5_000;

/** What parts are told: which nodes are waited for comes with what is left by then. */
export interface PartsOrder {
  readonly leaveProvider: AbortSignal;
  waits(left: readonly string[], nodes: readonly AwaitedNode[]): void;
}

/** Has every part take away what it brought. Returns a sentence for each thing that is left. */
export async function removeParts(
  parts: readonly AgentPart[],
  { leaveProvider, waits }: PartsOrder,
  { log, signal }: Removal,
): Promise<string[]> {
  const left: string[] = [];
  const order: RemovalOrder = {
    leaveProvider,
    waitsFor: (nodes) => waits([...left], nodes),
  };
  for (const { name, remove } of parts) {
    if (remove === undefined) continue;
    left.push(...(await persistently(name, () => remove(order), log, signal)));
  }
  return left;
}

async function persistently(
  name: string,
  remove: () => Promise<readonly string[]>,
  log: Log,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await remove();
    } catch (error) {
      signal.throwIfAborted();
      log.failure(`Taking away what ${name} brought`, error);
      const reason = error instanceof Error ? error.message : String(error);
      if (tries >= mostTries) return [`What ${name} brought could not be taken away: ${reason}`];
      await wait(retryMilliseconds, undefined, { signal });
    }
  }
}

/**
 * The rest: objects that no namespace holds, as far as the agent can work without them. Its roles are
 * needed to the end, so they are handed to the garbage collector: they go with the namespace.
 */
export async function removeFromCluster(removal: Removal): Promise<string[]> {
  const { log, signal } = removal;
  return [
    ...(await persistently('the agent', () => deleteBounds(removal), log, signal)),
    ...(await persistently('the agent', () => handRolesOver(removal), log, signal)),
  ];
}

async function deleteBounds({ api, signal }: Removal): Promise<readonly string[]> {
  for (const resource of [
    resources.validatingAdmissionPolicyBindings,
    resources.validatingAdmissionPolicies,
  ]) {
    await api.delete(resource, { name: agentName }, { signal });
  }
  return [];
}

async function handRolesOver({ api, registry, signal }: Removal): Promise<readonly string[]> {
  const { metadata } = await api.get(resources.namespaces, { name: berthNamespace }, { signal });
  const owner = {
    apiVersion: 'v1',
    kind: 'Namespace',
    name: berthNamespace,
    uid: metadata.uid ?? '',
  };
  const body = { metadata: { ownerReferences: [owner] } };
  const kinds: Readonly<Record<string, Resource | undefined>> = {
    ClusterRole: resources.clusterRoles,
    ClusterRoleBinding: resources.clusterRoleBindings,
  };
  for (const { kind, metadata } of roles(registry).flatMap(({ objects }) => objects)) {
    const resource = kinds[kind];
    if (resource === undefined) continue;
    const place = { name: metadata.name };
    if ((await api.find(resource, place, { signal })) === undefined) continue;
    await api.patch(resource, place, { type: 'merge', body }, { signal });
  }
  return [];
}

/** Whoever put something of their own into our namespace keeps it, and the namespace. */
export async function whatKeepsNamespace({ api, signal }: Removal): Promise<readonly string[]> {
  const choice = { namespace: berthNamespace, signal };
  const [first] = await listAll(
    api,
    resources.pods,
    choice,
    ({ metadata: { name, labels = {} } }) =>
      Object.entries(ourLabels).some(([key, value]) => labels[key] !== value) ? name : undefined,
  );
  if (first === undefined) return [];
  return [
    `The namespace ${berthNamespace} stays, since the pod ${first} in it is not Berth's agent. Take the agent away with: kubectl delete deployment,daemonset,configmap,secret,lease,role,rolebinding,serviceaccount --namespace ${berthNamespace} --selector app.kubernetes.io/part-of=berth && kubectl delete clusterrole,clusterrolebinding --selector app.kubernetes.io/part-of=berth`,
  ];
}
