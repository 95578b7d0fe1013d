import { setTimeout as wait } from 'node:timers/promises';
import type { ServerCalls } from '#contract/agent.ts';
import type { KubernetesApi } from '#kubernetes/api/index.ts';
import type { Log } from '../log.ts';
import { type ClusterFacts, readClusterFacts, requestOwnToken } from './cluster-proof.ts';

export interface ProvingOptions {
  readonly api: KubernetesApi;
  /** As image names begin. */
  readonly name: string;
  readonly server: ServerCalls;
  readonly log: Log;
  readonly lookMilliseconds?: number;
}

/** Tells the server when the cluster's keys change, before tokens are signed by the new ones. */
export interface Proving {
  /** Looks at once and from time to time, until `signal`. */
  watch(signal: AbortSignal): Promise<void>;
}

/** Keys are announced by a restart of the API server, and sign from a later one on. */
const usualMilliseconds = 60_000;

export function createProving(options: ProvingOptions): Proving {
  const { api, name, server, log, lookMilliseconds = usualMilliseconds } = options;
  let proven: string | undefined;

  async function look(signal: AbortSignal): Promise<void> {
    const facts = await readClusterFacts(api, signal);
    const text = textOf(facts);
    if (text === proven) return;
    const serviceAccountToken = await requestOwnToken(api, name, signal);
    await server['cluster.prove']({ ...facts, serviceAccountToken });
    proven = text;
  }

  return {
    watch: async (signal) => {
      while (!signal.aborted) {
        try {
          await look(signal);
        } catch (error) {
          if (signal.aborted) return;
          log.failure("Telling the server of the cluster's keys", error);
        }
        await wait(lookMilliseconds, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

/** API servers of one cluster may list the same keys in another order. */
function textOf({ keys, ...facts }: ClusterFacts): string {
  return JSON.stringify([facts, keys.map((key) => JSON.stringify(key)).sort()]);
}
