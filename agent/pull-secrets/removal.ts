import { setTimeout as wait } from 'node:timers/promises';
import type { KubernetesApi } from '#kubernetes/api/index.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import { ourSecretOnly } from './cluster-view.ts';
import { findLeftovers, type Leftovers } from './leftovers.ts';

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
export async function removeEverything(removal: Removal): Promise<string[]> {
  const { api, attempt, signal } = removal;
  const end = performance.now() + longestMilliseconds;
  for (;;) {
    const found = await look(removal);
    if (found !== undefined && found.namespaces.size === 0) return [];
    if (performance.now() > end) return sentences(found, removal);
    const limit = wait(end - performance.now(), undefined, { signal, ref: false });
    if (found !== undefined) await Promise.race([attempt(found.namespaces), limit]);
    await wait(pauseMilliseconds, undefined, { signal });
  }

  async function look({ isGoing }: Removal): Promise<Found | undefined> {
    try {
      const { secrets, references } = await findLeftovers(api, signal);
      const left = {
        secrets: secrets.filter((namespace) => !isGoing(namespace)),
        references: references.filter(({ namespace }) => !isGoing(namespace)),
      };
      const namespaces = [...left.secrets, ...left.references.map(({ namespace }) => namespace)];
      return { ...left, namespaces: new Set(namespaces) };
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    }
  }
}

interface Found extends Leftovers {
  readonly namespaces: ReadonlySet<string>;
}

function sentences(found: Found | undefined, { reason }: Removal): string[] {
  if (found === undefined) {
    return [
      `Pull secrets could not be looked for. Delete what is found by: kubectl get secrets --all-namespaces --field-selector ${ourSecretOnly}`,
    ];
  }
  const because = (namespace: string) => {
    const why = reason(namespace);
    return why === undefined ? '' : ` (${why})`;
  };
  return [
    ...found.secrets.map(
      (namespace) =>
        `The Secret ${pullSecretName} of the namespace ${namespace} could not be removed${because(namespace)}: kubectl --namespace ${namespace} delete secret ${pullSecretName}`,
    ),
    ...found.references.map(
      ({ namespace, serviceAccount }) =>
        `The ServiceAccount ${serviceAccount} of the namespace ${namespace} still refers to ${pullSecretName}${because(namespace)}: kubectl --namespace ${namespace} edit serviceaccount ${serviceAccount}`,
    ),
  ];
}
