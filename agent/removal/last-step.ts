import { type KubernetesApi, resources } from '#kubernetes/api/index.ts';
import { berthNamespace, identitySecretName } from '#kubernetes/manifests/names.ts';

const place = { name: identitySecretName, namespace: berthNamespace };
const key = 'removed';

/** From here on only the last step is left, also for an agent that starts again. */
export async function markRemoved(api: KubernetesApi, signal: AbortSignal): Promise<void> {
  const body = { data: { [key]: Buffer.from('true').toString('base64') } };
  await api.patch(resources.secrets, place, { type: 'merge', body }, { signal });
}

export async function isMarkedRemoved(api: KubernetesApi, signal: AbortSignal): Promise<boolean> {
  const secret = await api.find(resources.secrets, place, { signal });
  return secret?.data?.[key] !== undefined;
}

/** Takes the agent itself away, and with it the rights by which it does this. */
export async function takeLastStep(api: KubernetesApi, signal: AbortSignal): Promise<void> {
  await api.delete(resources.namespaces, { name: berthNamespace }, { signal });
}
