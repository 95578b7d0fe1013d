import { isNotFound, type KubernetesApi, resources } from '#kubernetes/api/index.ts';
import type { ReferenceStep } from './plan.ts';
import type { Settling } from './settling.ts';
import type { ConcernState } from './states.ts';

/** Writes the lists of ServiceAccounts anew, each only if nobody changed it meanwhile. */
export async function takeReferenceSteps(
  namespace: string,
  steps: readonly ReferenceStep[],
  api: KubernetesApi,
  settling: Settling,
): Promise<ConcernState> {
  const outcomes = await Promise.allSettled(
    steps.map((step) => takeStep(namespace, step, api, settling)),
  );
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
  return { kind: 'ready' };
}

async function takeStep(
  namespace: string,
  { serviceAccount, resourceVersion, pullSecrets }: ReferenceStep,
  api: KubernetesApi,
  settling: Settling,
): Promise<void> {
  const key = `${namespace}/${serviceAccount}`;
  if (settling.isStale(key, resourceVersion)) return;
  try {
    // A strategic patch would replace the list as well, as its type is atomic: the version guards
    // what others put into it.
    await api.patch(
      resources.serviceAccounts,
      { name: serviceAccount, namespace },
      {
        type: 'merge',
        body: {
          metadata: { resourceVersion },
          imagePullSecrets: pullSecrets.map((name) => ({ name })),
        },
      },
    );
  } catch (error) {
    if (isNotFound(error)) return;
    throw error;
  }
  settling.wrote(key, resourceVersion);
}
