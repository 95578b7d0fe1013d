import { agentAudience, type ClusterProof, type PublicKey } from '#contract/agent.ts';
import { type KubernetesApi, requestToken, resources } from '#kubernetes/api/index.ts';
import { agentName, berthNamespace } from '#kubernetes/manifests/names.ts';
import { Refusal } from '#lib/errors.ts';

/** The least that the API server gives. */
const tokenSeconds = 600;

/** What tells this cluster from all others; its keys change rarely. */
export type ClusterFacts = Omit<ClusterProof, 'serviceAccountToken'>;

/** @throws {Refusal} where the API server tells nothing that can be reported */
export async function readClusterFacts(
  api: KubernetesApi,
  signal: AbortSignal,
): Promise<ClusterFacts> {
  const [system, discovery, keySet, version] = await Promise.all([
    api.get(resources.namespaces, { name: 'kube-system' }, { signal }),
    api.getPath('/.well-known/openid-configuration', { signal }),
    api.getPath('/openid/v1/jwks', { signal }),
    api.getPath('/version', { signal }),
  ]);
  const { issuer } = discovery as { issuer?: unknown };
  const { keys } = keySet as { keys?: unknown };
  const { gitVersion } = version as { gitVersion?: unknown };
  if (typeof issuer !== 'string' || !Array.isArray(keys) || keys.length === 0) {
    throw new Refusal(
      'unavailable',
      'The API server names no issuer and no keys of ServiceAccount tokens: see whether `kubectl get --raw /openid/v1/jwks` answers.',
    );
  }
  return {
    uid: system.metadata.uid ?? '',
    issuer,
    keys: keys as PublicKey[],
    kubernetesVersion: typeof gitVersion === 'string' ? gitVersion.slice(0, 64) : 'unknown',
  };
}

/** A token of the agent's own ServiceAccount that only this registry takes. */
export function requestOwnToken(
  api: KubernetesApi,
  registry: string,
  signal: AbortSignal,
): Promise<string> {
  const place = { name: agentName, namespace: berthNamespace };
  return requestToken(api, place, agentAudience(registry), tokenSeconds, { signal });
}

export async function proveCluster(
  api: KubernetesApi,
  registry: string,
  signal: AbortSignal,
): Promise<ClusterProof> {
  const [facts, serviceAccountToken] = await Promise.all([
    readClusterFacts(api, signal),
    requestOwnToken(api, registry, signal),
  ]);
  return { ...facts, serviceAccountToken };
}
