import {
  createObjectStore,
  type KubernetesApi,
  type Node,
  type ObjectStore,
  resources,
} from '#kubernetes/api/index.ts';
import { k3sArgumentsAnnotation } from '#kubernetes/node/k3s-arguments.ts';
import type { Log } from './log.ts';
import type { ClusterNamespace } from './part.ts';

/** What every part looks at, watched once. */
export interface Stores {
  readonly namespaces: ObjectStore<ClusterNamespace>;
  readonly nodes: ObjectStore<Node>;
}

export function createStores(api: KubernetesApi, log: Log, signal: AbortSignal): Stores {
  return {
    namespaces: createObjectStore({
      api,
      resource: resources.namespaces,
      signal,
      report: (error) => log.failure('Watching namespaces', error),
      keep: ({ metadata, status }): ClusterNamespace => ({
        name: metadata.name,
        uid: metadata.uid ?? '',
        labels: metadata.labels ?? {},
        terminating: metadata.deletionTimestamp !== undefined || status?.phase === 'Terminating',
      }),
    }),
    nodes: createObjectStore({
      api,
      resource: resources.nodes,
      signal,
      report: (error) => log.failure('Watching nodes', error),
      keep: keptOfNode,
    }),
  };
}

/** Nodes are large: most conditions and annotations are nothing that anybody reads. */
function keptOfNode({ metadata, spec, status }: Node): Node {
  const { name, uid = '', labels = {}, annotations = {} } = metadata;
  const k3sArguments = annotations[k3sArgumentsAnnotation];
  const { addresses = [], nodeInfo, images = [], conditions = [] } = status ?? {};
  return {
    metadata: {
      name,
      uid,
      labels,
      ...(k3sArguments !== undefined && {
        annotations: { [k3sArgumentsAnnotation]: k3sArguments },
      }),
    },
    ...(spec?.taints !== undefined && { spec: { taints: spec.taints } }),
    status: {
      addresses,
      ...(nodeInfo !== undefined && { nodeInfo }),
      images: images.map(({ names = [], sizeBytes = 0 }) => ({ names, sizeBytes })),
      conditions: conditions
        .filter(({ type }) => type === 'Ready')
        .map(({ type, status }) => ({ type, status })),
    },
  };
}
