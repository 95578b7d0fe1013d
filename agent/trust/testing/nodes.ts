import { ourLabels } from '#kubernetes/manifests/names.ts';
import type { TestCluster } from '../../testing/cluster.ts';

/** Makes a node as its kubelet tells of it, or changes whether it is ready. */
export function putNode(cluster: TestCluster, name: string, isReady = true): void {
  cluster.put('/api/v1/nodes', {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: {
      addresses: [],
      images: [{ names: ['registry.k8s.io/pause:3.10'], sizeBytes: 1 }],
      nodeInfo: { osImage: 'Debian 12', kubeletVersion: 'v1.36.3' },
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
    },
  });
}

/** The pod of a DaemonSet of ours, as it runs on a node. */
export function putNodePod(cluster: TestCluster, node: string, startedAt = '2026-01-01'): void {
  cluster.put('/api/v1/namespaces/berth/pods', {
    metadata: { name: `berth-node-${node}`, namespace: 'berth', labels: ourLabels },
    spec: { nodeName: node, containers: [] },
    status: {
      containerStatuses: [{ name: 'node', state: { running: { startedAt } } }],
    },
  });
}
