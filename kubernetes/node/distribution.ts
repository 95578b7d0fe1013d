import type { Node } from '../api/objects.ts';
import type { NodeStatus } from './status.ts';

const byVersion: readonly (readonly [RegExp, string])[] = [
  [/\+k3s/, 'k3s'],
  [/\+rke2/, 'rke2'],
  [/-eks-/, 'eks'],
  [/-gke\./, 'gke'],
];
const bySystem: readonly (readonly [RegExp, string])[] = [
  [/^Talos/i, 'talos'],
  [/^Bottlerocket/i, 'bottlerocket'],
];
const byLabel: readonly (readonly [string, string])[] = [
  ['node.openshift.io/os_id', 'openshift'],
  ['kubernetes.azure.com/cluster', 'aks'],
  ['microk8s.io/cluster', 'microk8s'],
];

/** By which some are told. */
export const distributionLabels: readonly string[] = byLabel.map(([label]) => label);

/** Whose Kubernetes a node runs, as far as it and its files tell; else `unknown`. */
export function distributionOf({ metadata, status }: Node, found?: NodeStatus): string {
  const { kubeletVersion = '', osImage = '' } = status?.nodeInfo ?? {};
  const named =
    bySystem.find(([system]) => system.test(osImage))?.[1] ??
    byVersion.find(([version]) => version.test(kubeletVersion))?.[1] ??
    byLabel.find(([label]) => metadata.labels?.[label] !== undefined)?.[1];
  return named ?? found?.distribution ?? 'unknown';
}
