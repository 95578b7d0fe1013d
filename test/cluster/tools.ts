import { dirname } from 'node:path';
import { aptPackages, ensureDebianPackages, ensureTools, recipes } from '../support/tools/index.ts';

export interface ClusterTools {
  /** Folder of the Kubernetes programs. */
  readonly kubernetes: string;
  /** Folder of containerd 2.4. */
  readonly containerd: string;
  readonly coredns: string;
}

/** Builds what is missing of the cluster's programs; takes minutes the first time. */
export async function clusterTools(): Promise<ClusterTools> {
  await ensureDebianPackages(aptPackages.cluster);
  const kubernetes = await ensureTools(recipes.kubernetes);
  const clients = await ensureTools(recipes.clients);
  const { coredns } = await ensureTools(recipes.coredns);
  return {
    kubernetes: dirname(kubernetes.kubelet),
    containerd: dirname(clients.containerd),
    coredns,
  };
}
