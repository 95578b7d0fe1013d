import { setTimeout as wait } from 'node:timers/promises';
import type { KubernetesApi } from '#kubernetes/api/index.ts';
import { findLeftovers } from './leftovers.ts';
import { pullSecretName } from './secret.ts';

export interface Removal {
  readonly api: KubernetesApi;
  /** Tries each namespace once more, and resolves when all were tried. */
  readonly attempt: (namespaces: ReadonlySet<string>) => Promise<void>;
  /** Whether Kubernetes itself empties the namespace. */
  readonly isGoing: (namespace: string) => boolean;
  /** Why a namespace is not clear yet, where that is known. */
  readonly reason: (namespace: string) => string | undefined;
  readonly signal: AbortSignal;
}

const longestMilliseconds = 45_000;
const pauseMilliseconds = 500;

/** Removes until nothing is found, or for as long as may be waited for; returns what had to be left. */
export async function removeEverything({
  api,
  attempt,
  isGoing,
  reason,
  signal,
}: Removal): Promise<string[]> {
  const end = performance.now() + longestMilliseconds;
  for (;;) {
    const found = await findLeftovers(api, signal);
    const secrets = found.secrets.filter((namespace) => !isGoing(namespace));
    const references = found.references.filter(({ namespace }) => !isGoing(namespace));
    const namespaces = new Set([...secrets, ...references.map(({ namespace }) => namespace)]);
    if (namespaces.size === 0) return [];
    if (performance.now() > end) {
      const because = (namespace: string) => {
        const why = reason(namespace);
        return why === undefined ? '' : ` (${why})`;
      };
      return [
        ...secrets.map(
          (namespace) =>
            `The Secret ${pullSecretName} of the namespace ${namespace} could not be removed${because(namespace)}: kubectl --namespace ${namespace} delete secret ${pullSecretName}`,
        ),
        ...references.map(
          ({ namespace, serviceAccount }) =>
            `The ServiceAccount ${serviceAccount} of the namespace ${namespace} still refers to ${pullSecretName}${because(namespace)}: kubectl --namespace ${namespace} edit serviceaccount ${serviceAccount}`,
        ),
      ];
    }
    const limit = wait(end - performance.now(), undefined, { signal, ref: false });
    await Promise.race([attempt(namespaces), limit]);
    await wait(pauseMilliseconds, undefined, { signal });
  }
}
