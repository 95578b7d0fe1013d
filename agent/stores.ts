import { mostNamespaceLabels } from '#contract/agent.ts';
import {
  createObjectStore,
  type KubernetesApi,
  type Node,
  type ObjectStore,
  resources,
} from '#kubernetes/api/index.ts';
import { createNodeKeeper } from '#kubernetes/kept-nodes.ts';
import type { Log } from './log.ts';
import type { ClusterNamespace } from './part.ts';

/** What every part looks at, watched once. */
export interface Stores {
  readonly namespaces: ObjectStore<ClusterNamespace>;
  readonly nodes: ObjectStore<Node>;
}

export function createStores(api: KubernetesApi, log: Log, signal: AbortSignal): Stores {
  const keep = createNodeKeeper();
  return {
    namespaces: createObjectStore({
      api,
      resource: resources.namespaces,
      signal,
      report: (error) => log.failure('Watching namespaces', error),
      keep: ({ metadata, status }): ClusterNamespace => ({
        name: metadata.name,
        uid: metadata.uid ?? '',
        labels: toldLabels(metadata.labels),
        terminating: metadata.deletionTimestamp !== undefined || status?.phase === 'Terminating',
      }),
    }),
    nodes: createObjectStore({
      api,
      resource: resources.nodes,
      signal,
      report: (error) => log.failure('Watching nodes', error),
      keep: (node) => keep(node) ?? node,
    }),
  };
}

/** One namespace with all the labels that etcd takes must not keep the others from being told. */
function toldLabels(labels: Readonly<Record<string, string>> = {}): Record<string, string> {
  const entries = Object.entries(labels);
  if (entries.length <= mostNamespaceLabels) return labels;
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.slice(0, mostNamespaceLabels));
}
