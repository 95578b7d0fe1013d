import { setTimeout as wait } from 'node:timers/promises';
import {
  createObjectStore,
  isNotFound,
  type KubernetesApi,
  resources,
} from '#kubernetes/api/index.ts';
import type { ServiceAccountView } from './plan.ts';
import { recordPodEvent } from './pod-events.ts';
import { judgePod, type PendingPod, viewPendingPod } from './stuck-pods.ts';
import { createWorkQueue } from './work-queue.ts';

export interface HealingOptions {
  readonly api: KubernetesApi;
  /** As image names begin. */
  readonly registry: string;
  readonly serviceAccount: (namespace: string, name: string) => ServiceAccountView | undefined;
  readonly hasSecret: (namespace: string) => boolean;
  readonly report: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Has pods replaced that were there before their ServiceAccount had its reference. */
export interface Healing {
  /** Credentials of the namespace came to be: pods that wait there are looked at again. */
  recheck(namespace: string): void;
}

/** Between two evictions, so that a cluster is not restarted all at once. */
const pauseMilliseconds = 100;
const pauses = { first: 1_000, last: 60_000 };
const mostRemembered = 10_000;

export function createHealing(options: HealingOptions): Healing {
  const { api, registry, serviceAccount, hasSecret, report, signal } = options;
  const firstEvictions = new Map<string, number>();
  const told = new Set<string>();

  const pods = createObjectStore({
    api,
    resource: resources.pods,
    // One that runs leaves the watch: at rest it shows next to nothing.
    fields: 'status.phase=Pending',
    keep: (pod) => viewPendingPod(pod, registry),
    signal,
    report,
  });
  const queue = createWorkQueue({ concurrency: 1, pauses, work: heal });
  pods.subscribe(({ kind, item }) => {
    if (kind === 'deleted') {
      told.delete(item.uid);
      queue.forget(keyOf(item));
    } else if (item.refused !== undefined) {
      queue.add(keyOf(item));
    }
  });
  signal.addEventListener('abort', queue.close, { once: true });

  async function heal(key: string): Promise<void> {
    const [namespace = '', name = ''] = key.split('/');
    const pod = pods.get(name, namespace);
    if (pod === undefined) return;
    const verdict = judgePod({
      pod,
      serviceAccount: serviceAccount(namespace, pod.serviceAccount),
      hasSecret: hasSecret(namespace),
      firstEviction: firstEvictions.get(pod.controller?.uid ?? ''),
    });
    if (verdict === 'leave') return;
    try {
      if (verdict === 'evict') await evict(pod);
      else await tell(pod, verdict);
    } catch (error) {
      if (isNotFound(error)) return;
      report(error);
      throw error;
    }
  }

  async function evict(pod: PendingPod): Promise<void> {
    const { namespace, name, uid, controller } = pod;
    if (controller === undefined) return;
    await api.createSubresource(resources.pods, { name, namespace }, 'eviction', {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      deleteOptions: { preconditions: { uid } },
    });
    if (!firstEvictions.has(controller.uid)) {
      if (firstEvictions.size >= mostRemembered) firstEvictions.clear();
      firstEvictions.set(controller.uid, Date.now());
    }
    await recordPodEvent(api, pod, {
      type: 'Normal',
      reason: 'PullSecretAdded',
      message: `Evicted, since this pod was made before its ServiceAccount ${pod.serviceAccount} referred to the pull secret of Berth: ${controller.kind} ${controller.name} makes another that can pull ${pod.refused}.`,
    });
    await wait(pauseMilliseconds, undefined, { signal });
  }

  async function tell(pod: PendingPod, verdict: 'tell-bare' | 'tell-own-secrets'): Promise<void> {
    if (told.has(pod.uid)) return;
    const message =
      verdict === 'tell-bare'
        ? `This pod was made before its ServiceAccount ${pod.serviceAccount} referred to the pull secret of Berth, and nothing makes another in its place: delete it and create it again to pull ${pod.refused}.`
        : `This pod names imagePullSecrets of its own, so that it does not get those of its ServiceAccount ${pod.serviceAccount}: add berth-pull to the imagePullSecrets in its template to pull ${pod.refused}.`;
    await recordPodEvent(api, pod, { type: 'Warning', reason: 'PullSecretMissing', message });
    told.add(pod.uid);
  }

  return {
    recheck(namespace) {
      for (const pod of pods.values()) {
        if (pod.namespace === namespace && pod.refused !== undefined) queue.add(keyOf(pod));
      }
    },
  };
}

function keyOf({ namespace, name }: PendingPod): string {
  return `${namespace}/${name}`;
}
