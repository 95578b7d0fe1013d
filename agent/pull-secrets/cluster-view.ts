import {
  createObjectStore,
  type KubernetesApi,
  type ObjectStore,
  resources,
  type ServiceAccount,
} from '#kubernetes/api/index.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import type { ServiceAccountView } from './plan.ts';
import {
  type KeptSecret,
  keepPullSecret,
  type PullSecretPurpose,
  type PullSecretView,
  viewPullSecret,
} from './secret.ts';
import type { Concern } from './states.ts';

/** The Secrets named `berth-pull` and the ServiceAccounts of all namespaces, at this moment. */
export interface ClusterView {
  /** Resolve when all Secrets, and then all of both, are known. */
  readonly secretsFilled: Promise<void>;
  readonly filled: Promise<void>;
  /** Whether enough is known to decide. */
  isFilled(concern: Concern): boolean;
  secret(namespace: string, purpose: PullSecretPurpose): PullSecretView | undefined;
  serviceAccount(namespace: string, name: string): ServiceAccountView | undefined;
  serviceAccounts(namespace: string): Iterable<ServiceAccountView>;
}

export interface ClusterViewOptions {
  readonly api: KubernetesApi;
  readonly signal: AbortSignal;
  /** A list or a watch failed, and is tried again. */
  readonly failed: (concern: Concern, error: unknown) => void;
  readonly secretChanged: (namespace: string) => void;
  readonly serviceAccountChanged: (namespace: string) => void;
}

interface KeptServiceAccount extends ServiceAccountView {
  readonly namespace: string;
}

export const ourSecretOnly = `metadata.name=${pullSecretName}`;

export function createClusterView(options: ClusterViewOptions): ClusterView {
  const { api, signal, failed, secretChanged, serviceAccountChanged } = options;
  const secrets: ObjectStore<KeptSecret> = createObjectStore({
    api,
    resource: resources.secrets,
    fields: ourSecretOnly,
    keep: keepPullSecret,
    signal,
    report: (error) => failed('secret', error),
  });
  const accounts: ObjectStore<KeptServiceAccount> = createObjectStore({
    api,
    resource: resources.serviceAccounts,
    keep: keepServiceAccount,
    signal,
    report: (error) => failed('references', error),
  });
  const byNamespace = new Map<string, Map<string, ServiceAccountView>>();

  secrets.subscribe(({ item }) => secretChanged(item.metadata.namespace ?? ''));
  accounts.subscribe(({ kind, item }) => {
    const ofNamespace = byNamespace.get(item.namespace) ?? new Map<string, ServiceAccountView>();
    if (kind === 'deleted') ofNamespace.delete(item.name);
    else ofNamespace.set(item.name, item);
    if (ofNamespace.size === 0) byNamespace.delete(item.namespace);
    else byNamespace.set(item.namespace, ofNamespace);
    if (kind !== 'deleted') serviceAccountChanged(item.namespace);
  });

  const filled = { secret: false, references: false };
  const secretsFilled = secrets.filled.then(() => {
    filled.secret = true;
  });
  const allFilled = Promise.all([secretsFilled, accounts.filled]).then(() => {
    filled.references = true;
  });

  return {
    secretsFilled,
    filled: allFilled,
    isFilled: (concern) => filled[concern],
    secret(namespace, purpose) {
      const secret = secrets.get(pullSecretName, namespace);
      return secret === undefined ? undefined : viewPullSecret(secret, purpose);
    },
    serviceAccount: (namespace, name) => byNamespace.get(namespace)?.get(name),
    serviceAccounts: (namespace) => byNamespace.get(namespace)?.values() ?? [],
  };
}

function keepServiceAccount({ metadata, imagePullSecrets }: ServiceAccount): KeptServiceAccount {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    resourceVersion: metadata.resourceVersion ?? '',
    terminating: metadata.deletionTimestamp !== undefined,
    pullSecrets: (imagePullSecrets ?? []).map(({ name }) => name),
  };
}
