import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandsOf } from '#test/commands.ts';
import { repositoryRoot } from '#test/suite.ts';
import { openTerminal, quoted, type Terminal } from '#test/terminal.ts';
import { ownPlatform } from '../../deploy/platforms.ts';
import { writePackage } from '../../deploy/write-package.ts';
import { type Bed, publicProject, registry } from './bed.ts';

/** Berth in the cluster: people know its name, nodes do not. */
export const insideName = 'inside.berth.test:30500';
export const insideNamespace = 'registry';

const page = {
  name: 'docs/in-cluster.md',
  programs: ['npm', 'docker', 'helm', 'kubectl', './berth', 'echo'],
  placeholders: ['PASSWORD', 'FINGERPRINT'],
};

/** What the page tells its reader to type. */
export async function pageCommands(): Promise<readonly string[]> {
  return commandsOf(await readFile(join(repositoryRoot, page.name), 'utf8'), page);
}

/** A command of the page with the bed's names in the place of its examples. */
export function typed(command: string, { cluster }: Bed, start?: Start): string {
  const [one, other] = cluster.nodes;
  const names: Readonly<Record<string, string | undefined>> = {
    'registry.example.com/library': `${registry}/${publicProject}`,
    'images.example.com:30500': insideName,
    '192.0.2.11': one?.host.address,
    '192.0.2.12': other?.host.address,
    PASSWORD: start && quoted(start.password),
    FINGERPRINT: start?.fingerprint,
  };
  return Object.entries(names).reduce(
    (text, [example, name]) => (name === undefined ? text : text.replaceAll(example, name)),
    command,
  );
}

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

/**
 * What the bed's cluster lacks: a volume, which lies on the first node, and a default class for
 * it. The namespace admits no pod but restricted ones.
 */
export async function prepareInside({ cluster }: Bed): Promise<void> {
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error('The cluster has no node.');
  const path = join(node.host.home, 'berth-data');
  await node.host.shell(`mkdir -p '${path}' && chown 65532:65532 '${path}'`);
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
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'berth-data' },
      spec: {
        storageClassName: 'by-hand',
        capacity: { storage: '50Gi' },
        accessModes: ['ReadWriteOnce'],
        local: { path },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [isFirst] }] } },
      },
    },
  );
}

export async function removeInside({ operator }: Bed): Promise<void> {
  for (const command of [
    `helm uninstall berth --ignore-not-found --namespace ${insideNamespace}`,
    `kubectl delete namespace ${insideNamespace} --ignore-not-found`,
    'kubectl delete persistentvolume berth-data --ignore-not-found',
    'kubectl delete storageclass by-hand --ignore-not-found',
  ]) {
    await operator.type(command);
  }
}

/** What the first start of Berth printed. */
export interface Start {
  readonly password: string;
  readonly fingerprint: string;
}

export function readStart(log: string): Start {
  const password = /^ +password +(\S+)/m.exec(log)?.[1];
  const fingerprint = /^ +authority +([0-9A-F:]{95})$/m.exec(log)?.[1];
  if (password !== undefined && fingerprint !== undefined) return { password, fingerprint };
  throw new Error(`The log holds no password, or no fingerprint:\n${log}`);
}

/** A clone whose user signs in inside, while the bed's own stays signed in outside. */
export async function secondClone({ operator }: Bed): Promise<Terminal> {
  const clone = openTerminal(operator.host, repositoryRoot);
  await clone.type('export XDG_CONFIG_HOME=$HOME/inside');
  return clone;
}
