import { createKubernetesApi, type KubernetesConnection } from '#kubernetes/api/index.ts';
import { createStores } from '../stores.ts';

/** What holding a whole cluster takes, in bytes. */
export interface Held {
  readonly nodes: number;
  readonly namespaces: number;
  /** On the heap and beside it, more than before. */
  readonly grown: number;
  /** Of the process, at any time. */
  readonly mostResident: number;
}

// A process of its own, so that nothing but the stores is measured: its parent says where.
process.once('message', (connection: KubernetesConnection) => void hold(connection));

async function hold(connection: KubernetesConnection): Promise<void> {
  const ending = new AbortController();
  const api = createKubernetesApi(connection);
  const log = {
    info: () => undefined,
    failure: (what: string, error: unknown) => {
      process.stderr.write(`${what}: ${String(error)}\n`);
    },
  };
  const before = inUse();
  const { nodes, namespaces } = createStores(api, log, ending.signal);
  await Promise.all([nodes.filled, namespaces.filled]);
  const held: Held = {
    nodes: nodes.size,
    namespaces: namespaces.size,
    grown: inUse() - before,
    mostResident: process.resourceUsage().maxRSS * 1024,
  };
  process.send?.(held, () => {
    ending.abort();
    api.close();
    process.disconnect?.();
  });
}

function inUse(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
