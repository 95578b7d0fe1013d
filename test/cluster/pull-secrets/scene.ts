import assert from 'node:assert/strict';
import type { Problem } from '#contract/agent.ts';
import type { ClusterGrant, ClusterNamespace } from '#contract/clusters.ts';
import { type KubernetesApi, resources, type Secret } from '#kubernetes/api/index.ts';
import { readPullSecret } from '#kubernetes/dockerconfigjson.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import { waitFor } from '#test/processes.ts';
import { type Bed, clusterName, privateProject } from '../bed.ts';

/** What the tests of pull secrets do and see, as the operator and as the cluster's administrator. */
export interface Scene {
  readonly bed: Bed;
  readonly api: KubernetesApi;
  /** Private. */
  readonly image: string;
  kubectl(command: string): Promise<string>;
  /** `./berth cluster COMMAND` */
  berth(command: string): Promise<string>;
  /** Lets namespaces pull `image`. */
  grant(selection: string): Promise<ClusterGrant>;
  /** As Berth knows it. */
  namespace(name: string): Promise<ClusterNamespace | undefined>;
  secretOf(namespace: string): Promise<Secret | undefined>;
  /** Names in the `imagePullSecrets` of a ServiceAccount. */
  referencesOf(namespace: string, account?: string): Promise<readonly string[]>;
  /** Until the Secret is whole and the ServiceAccount `default` refers to it. */
  untilRight(namespace: string, limit?: number): Promise<void>;
  /** Until Berth shows that the namespace is ready. */
  untilReady(namespace: string): Promise<void>;
  /** Until Berth shows one. */
  problemOf(namespace: string): Promise<Problem>;
  /** Until a pod is in a phase. */
  untilPhase(namespace: string, pod: string, phase: string): Promise<void>;
}

export async function openScene(bed: Bed, api: KubernetesApi): Promise<Scene> {
  const image = await bed.push(`${privateProject}/secret:1`);
  const kubectl = (command: string) => bed.operator.type(`kubectl ${command}`);
  const secretOf = (namespace: string) =>
    api.find(resources.secrets, { name: pullSecretName, namespace });

  async function namespace(name: string): Promise<ClusterNamespace | undefined> {
    // It ends with 1 where a namespace has a problem.
    const said = await bed.clone.type(
      `./berth cluster namespaces ${clusterName} --json 2>/dev/null || true`,
    );
    return (JSON.parse(said) as readonly ClusterNamespace[]).find((one) => one.name === name);
  }

  async function referencesOf(place: string, name = 'default'): Promise<readonly string[]> {
    const found = await api.find(resources.serviceAccounts, { name, namespace: place });
    return (found?.imagePullSecrets ?? []).map((reference) => reference.name);
  }

  async function isRight(place: string): Promise<boolean> {
    const secret = await secretOf(place);
    if (secret === undefined || !readPullSecret(secret).ok) return false;
    return (await referencesOf(place)).includes(pullSecretName);
  }

  return {
    bed,
    api,
    image,
    kubectl,
    berth: (command) => bed.clone.type(`./berth cluster ${command}`),
    grant: async (selection) => {
      const command = `cluster grant ${clusterName} ${selection} --project ${privateProject}`;
      return (await bed.berthJson(command)) as ClusterGrant;
    },
    namespace,
    secretOf,
    referencesOf,
    untilRight: async (place, limit = 60_000) => {
      const what = `credentials in ${place}`;
      await waitFor(() => isRight(place), { what, until: (right) => right, limit });
    },
    untilReady: async (name) => {
      await waitFor(() => namespace(name), {
        what: `${name} to be ready`,
        until: (one) => one?.credentials?.state === 'ready',
        limit: 90_000,
      });
    },
    problemOf: async (name) => {
      const found = await waitFor(() => namespace(name), {
        what: `a problem of ${name}`,
        until: (one) => one?.credentials?.state === 'problem',
        limit: 60_000,
      });
      assert.ok(found?.credentials?.problem);
      return found.credentials.problem;
    },
    untilPhase: async (place, pod, phase) => {
      const command = `--namespace ${place} get pod ${pod} --output=jsonpath='{.status.phase}'`;
      await waitFor(() => kubectl(command), {
        what: `the pod ${pod} to be ${phase}`,
        until: (text) => text === phase,
        limit: 60_000,
      });
    },
  };
}

/** Counts up with each credential that is placed. */
export function generationOf(secret: Secret | undefined): number {
  return Number(secret?.metadata.annotations?.['berth/generation'] ?? 0);
}
