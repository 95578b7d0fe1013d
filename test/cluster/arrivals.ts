import {
  type KubernetesApi,
  type KubernetesObject,
  type Resource,
  resources,
} from '#kubernetes/api/index.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';

/** When things of namespaces were first seen, in milliseconds of `performance.now()`, by namespace. */
export interface Arrivals {
  readonly namespaces: ReadonlyMap<string, number>;
  readonly secrets: ReadonlyMap<string, number>;
  readonly serviceAccounts: ReadonlyMap<string, number>;
  /** Of the ServiceAccount `default`. */
  readonly references: ReadonlyMap<string, number>;
  stop(): void;
}

/** Watches what comes from now on: each time is that of the API server's own news of it. */
export async function watchArrivals(api: KubernetesApi): Promise<Arrivals> {
  const stopped = new AbortController();
  const seen = {
    namespaces: new Map<string, number>(),
    secrets: new Map<string, number>(),
    serviceAccounts: new Map<string, number>(),
    references: new Map<string, number>(),
  };

  function note(times: Map<string, number>, namespace: string | undefined): void {
    if (namespace !== undefined && !times.has(namespace)) times.set(namespace, performance.now());
  }

  async function follow<Item extends KubernetesObject>(
    resource: Resource<Item>,
    name: string | undefined,
    hear: (item: Item) => void,
  ): Promise<void> {
    const fields = name === undefined ? {} : { fields: `metadata.name=${name}` };
    const { metadata } = await api.list(resource, { ...fields, limit: 1 });
    const events = api.watch(resource, {
      ...fields,
      resourceVersion: metadata.resourceVersion ?? '',
      timeoutSeconds: 600,
      signal: stopped.signal,
    });
    void (async () => {
      for await (const event of events) {
        if (event.type === 'ADDED' || event.type === 'MODIFIED') hear(event.object);
      }
    })().catch((error) => {
      if (!stopped.signal.aborted) throw error;
    });
  }

  await Promise.all([
    follow(resources.namespaces, undefined, ({ metadata }) => note(seen.namespaces, metadata.name)),
    follow(resources.secrets, pullSecretName, ({ metadata }) =>
      note(seen.secrets, metadata.namespace),
    ),
    follow(resources.serviceAccounts, 'default', ({ metadata, imagePullSecrets = [] }) => {
      note(seen.serviceAccounts, metadata.namespace);
      const isReferenced = imagePullSecrets.some(({ name }) => name === pullSecretName);
      if (isReferenced) note(seen.references, metadata.namespace);
    }),
  ]);
  return { ...seen, stop: () => stopped.abort() };
}

/** Milliseconds from one time of each namespace to another. */
export function delays(
  namespaces: readonly string[],
  from: ReadonlyMap<string, number>,
  to: ReadonlyMap<string, number>,
): number[] {
  return namespaces.map(
    (name) => (to.get(name) ?? Number.POSITIVE_INFINITY) - (from.get(name) ?? 0),
  );
}

/** @param share 0.99 for the value that 99 % do not exceed */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
