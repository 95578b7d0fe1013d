import { readFile } from 'node:fs/promises';
import { createKubernetesApi, type KubernetesApi } from '#kubernetes/api/index.ts';
import type { Cluster } from './index.ts';

interface Kubeconfig {
  readonly clusters: readonly [
    {
      readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
    },
  ];
  readonly users: readonly [
    {
      readonly user: {
        readonly 'client-certificate-data': string;
        readonly 'client-key-data': string;
      };
    },
  ];
}

/** The API of a cluster as its administrator: for what kubectl is too slow to see. */
export async function openAdminApi({ kubeconfig }: Cluster): Promise<KubernetesApi> {
  const { clusters, users }: Kubeconfig = JSON.parse(await readFile(kubeconfig, 'utf8'));
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  return createKubernetesApi({
    server: cluster.server,
    authority: plain(cluster['certificate-authority-data']),
    clientCertificate: {
      certificate: plain(user['client-certificate-data']),
      key: plain(user['client-key-data']),
    },
  });
}

function plain(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
