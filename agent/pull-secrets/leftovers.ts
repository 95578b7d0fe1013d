import {
  type KubernetesApi,
  listAll,
  resources,
  type ServiceAccount,
} from '#kubernetes/api/index.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import { ourSecretOnly } from './cluster-view.ts';
import { isOurs } from './secret.ts';

export interface Leftovers {
  /** Namespaces with a Secret of ours. */
  readonly secrets: readonly string[];
  /** ServiceAccounts that refer to one. */
  readonly references: readonly Reference[];
}

interface Reference {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Looks once at what stands in the whole cluster. */
export async function findLeftovers(api: KubernetesApi, signal: AbortSignal): Promise<Leftovers> {
  const [secrets, references] = await Promise.all([
    listAll(
      api,
      resources.secrets,
      { fields: ourSecretOnly, signal },
      (secret): FoundSecret => ({
        namespace: secret.metadata.namespace ?? '',
        isOurs: isOurs(secret),
      }),
    ),
    listAll(api, resources.serviceAccounts, { signal }, referenceOf),
  ]);
  const foreign = new Set(
    secrets.filter((secret) => !secret.isOurs).map(({ namespace }) => namespace),
  );
  return {
    secrets: secrets.filter((secret) => secret.isOurs).map(({ namespace }) => namespace),
    references: references.filter(({ namespace }) => !foreign.has(namespace)),
  };
}

interface FoundSecret {
  readonly namespace: string;
  readonly isOurs: boolean;
}

function referenceOf({ metadata, imagePullSecrets = [] }: ServiceAccount): Reference | undefined {
  if (!imagePullSecrets.some(({ name }) => name === pullSecretName)) return undefined;
  return { namespace: metadata.namespace ?? '', serviceAccount: metadata.name };
}
