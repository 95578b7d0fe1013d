import { createHash } from 'node:crypto';
import { mergeProviderConfig } from '#kubernetes/credential-provider/config.ts';
import type { NodeStatus } from '#kubernetes/node/status.ts';

/** Configurations of others with our entry in them, for the nodes that asked. */
export interface ProviderConfigs {
  /** By the sum of what a node has. */
  readonly all: ReadonlyMap<string, string>;
  /** Renders what a node asks for; whether there is something new. */
  learn(status: NodeStatus, registry: string): boolean;
  /** Why a configuration cannot be joined. */
  failure(sum: string | undefined): string | undefined;
}

/** A ConfigMap holds one mebibyte, and nodes of a kind have the same configuration. */
const mostConfigs = 16;

export function createProviderConfigs(): ProviderConfigs {
  const all = new Map<string, string>();
  const failures = new Map<string, string>();

  return {
    all,
    learn(status, registry) {
      const { provider_state: state, provider_sum: sum, provider_existing: existing } = status;
      if (state !== 'merge' || existing === '' || all.has(sum) || failures.has(sum)) return false;
      const content = Buffer.from(existing, 'base64');
      // Other nodes ask by the same sum: none may answer for what another has.
      if (createHash('sha256').update(content).digest('hex') !== sum) return false;
      try {
        const merged = mergeProviderConfig(content.toString('utf8'), registry);
        const [oldest] = all.keys();
        if (all.size >= mostConfigs && oldest !== undefined) all.delete(oldest);
        all.set(sum, merged);
        return true;
      } catch (error) {
        if (failures.size >= mostConfigs) failures.clear();
        failures.set(sum, error instanceof Error ? error.message : String(error));
        return false;
      }
    },
    failure: (sum) => (sum === undefined ? undefined : failures.get(sum)),
  };
}
