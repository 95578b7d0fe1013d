import { type KubernetesApi, resources } from '#kubernetes/api/index.ts';
import { berthNamespace } from '#kubernetes/manifests/names.ts';
import type { Log } from './log.ts';

const annotation = 'berth.internal/problem';
const longest = 1_024;

/**
 * Writes what stands in the way of a connection on the agent's own pod, for whoever asks with
 * `kubectl describe`; undefined takes it away.
 */
export function createTrouble(
  api: KubernetesApi,
  pod: string,
  log: Log,
  signal: AbortSignal,
): (problem: string | undefined) => void {
  let wanted: string | undefined;
  let written: string | undefined | null = null;
  let writing = false;

  async function write(): Promise<void> {
    writing = true;
    while (written !== wanted && !signal.aborted) {
      const value = wanted;
      // What was there before this process is taken away by the first connection.
      const body = { metadata: { annotations: { [annotation]: value ?? null } } };
      const place = { name: pod, namespace: berthNamespace };
      await api
        .patch(resources.pods, place, { type: 'merge', body }, { signal })
        .catch((error: unknown) => {
          if (!signal.aborted) log.failure('Writing what is wrong on the own pod', error);
        });
      written = value;
    }
    writing = false;
  }

  return (problem) => {
    wanted = problem?.slice(0, longest);
    if (!writing) void write();
  };
}
