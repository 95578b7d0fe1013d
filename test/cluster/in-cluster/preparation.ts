import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '#test/suite.ts';
import { openTerminal, type Terminal } from '#test/terminal.ts';
import { ownPlatform } from '../../../deploy/platforms.ts';
import { writePackage } from '../../../deploy/write-package.ts';
import { type Bed, registry } from '../bed.ts';
import { insideNamespace } from './page.ts';

/** What `npm run package` makes, for this machine's platform alone, where the operator stands. */
export async function packageForOperator({ operator, record }: Bed): Promise<void> {
  const manifest = await readFile(join(repositoryRoot, 'package.json'), 'utf8');
  const folder = await mkdtemp(join(tmpdir(), 'berth-package-'));
  const started = performance.now();
  const files = await writePackage({
    platforms: [ownPlatform()],
    folder,
    repository: repositoryRoot,
    version: JSON.parse(manifest).version,
    output: join(operator.host.home, 'dist'),
  });
  record({ what: 'packaged in', value: (performance.now() - started) / 1000, unit: 's' });
  for (const { name, bytes } of files) record({ what: name, value: bytes / 1e6, unit: 'MB' });
  await rm(folder, { recursive: true });
}

/** By hand, as before any cluster is connected: the authority in containerd's own folder. */
export async function trustOutside({ cluster, berth }: Bed): Promise<void> {
  for (const { host } of cluster.nodes) {
    await host.write(`/etc/containerd/certs.d/${registry}/ca.crt`, berth.authority);
  }
}

const volumes = ['berth-data-1', 'berth-data-2'];

/** Where a volume lies on the first node. */
export function volumeFolder({ cluster }: Bed, volume: string): string {
  return join(cluster.nodes[0]?.host.home ?? '', volume);
}

/**
 * What the bed's cluster lacks: volumes, which lie on the first node, and a default class for
 * them. The namespace admits no pod but restricted ones.
 */
export async function prepareNamespace(bed: Bed): Promise<void> {
  const { cluster } = bed;
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error('The cluster has no node.');
  for (const volume of volumes) {
    const path = volumeFolder(bed, volume);
    await node.host.shell(`mkdir -p '${path}' && chown 65532:65532 '${path}'`);
  }
  const isFirst = { key: 'kubernetes.io/hostname', operator: 'In', values: [node.name] };
  await cluster.apply(
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: insideNamespace,
        labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    },
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: 'by-hand',
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    ...volumes.map((volume) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volume },
      spec: {
        storageClassName: 'by-hand',
        capacity: { storage: '50Gi' },
        accessModes: ['ReadWriteOnce'],
        local: { path: volumeFolder(bed, volume) },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [isFirst] }] } },
      },
    })),
  );
}

export async function removeNamespace({ operator }: Bed): Promise<void> {
  for (const command of [
    `kubectl delete namespace ${insideNamespace} --ignore-not-found`,
    `kubectl delete persistentvolume ${volumes.join(' ')} --ignore-not-found`,
    'kubectl delete storageclass by-hand --ignore-not-found',
  ]) {
    await operator.type(command);
  }
}

/** A clone whose user signs in inside, while the bed's own stays signed in outside. */
export async function secondClone({ operator }: Bed): Promise<Terminal> {
  const clone = openTerminal(operator.host, repositoryRoot);
  await clone.type('export XDG_CONFIG_HOME=$HOME/inside');
  return clone;
}
