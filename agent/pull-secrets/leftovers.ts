import {
  type KubernetesApi,
  type KubernetesObject,
  type ListChoice,
  type Resource,
  resources,
} from '#kubernetes/api/index.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import { ourSecretOnly } from './cluster-view.ts';
import { isOurs } from './secret.ts';

export interface Leftovers {
  /** Namespaces with a Secret of ours. */
  readonly secrets: readonly string[];
  /** ServiceAccounts that refer to one. */
  readonly references: readonly { readonly namespace: string; readonly serviceAccount: string }[];
}

/** Looks once at what stands in the whole cluster. */
export async function findLeftovers(api: KubernetesApi, signal: AbortSignal): Promise<Leftovers> {
  const [secrets, accounts] = await Promise.all([
    listAll(api, resources.secrets, { fields: ourSecretOnly, signal }),
    listAll(api, resources.serviceAccounts, { signal }),
  ]);
  const foreign = new Set(
    secrets.filter((secret) => !isOurs(secret)).map(({ metadata }) => metadata.namespace ?? ''),
  );
  return {
    secrets: secrets.filter(isOurs).map(({ metadata }) => metadata.namespace ?? ''),
    references: accounts
      .filter(({ imagePullSecrets = [] }) =>
        imagePullSecrets.some(({ name }) => name === pullSecretName),
      )
      .map(({ metadata }) => ({
        namespace: metadata.namespace ?? '',
        serviceAccount: metadata.name,
      }))
      .filter(({ namespace }) => !foreign.has(namespace)),
  };
}

async function listAll<Item extends KubernetesObject>(
  api: KubernetesApi,
  resource: Resource<Item>,
  choice: ListChoice,
): Promise<Item[]> {
  const items: Item[] = [];
  let rest: string | undefined;
  do {
    const page = await api.list(resource, {
      ...choice,
      limit: 500,
      ...(rest !== undefined && { continue: rest }),
    });
    items.push(...page.items);
    rest = page.metadata.continue || undefined;
  } while (rest !== undefined);
  return items;
}
