import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { writeImageArchive } from '#oci/archive.ts';
import { repositoryRoot } from '#test/suite.ts';
import { openTerminal, quoted, type Terminal } from '#test/terminal.ts';
import { buildImages } from '../../deploy/build.ts';
import { berthChart } from '../../deploy/chart-archive.ts';
import { ownArchitecture, ownPlatform } from '../../deploy/platforms.ts';
import { type Bed, publicProject, registry } from './bed.ts';

/** Berth in the cluster: people know its name, nodes do not. */
export const insideName = 'inside.berth.test:30500';
export const insideNamespace = 'registry';
const volumeSize = '2Gi';

/** What `npm run package` makes, in the Berth outside. */
export interface PushedPackage {
  readonly version: string;
  readonly imageRepository: string;
  /** `oci://…` */
  readonly chart: string;
  readonly seconds: number;
  readonly imageBytes: number;
}

/** Packages Berth for this machine's platform, and pushes it as its operator does. */
export async function pushPackage({ operator, docker }: Bed): Promise<PushedPackage> {
  const manifest = await readFile(join(repositoryRoot, 'package.json'), 'utf8');
  const { version }: { version: string } = JSON.parse(manifest);
  const folder = await mkdtemp(join(tmpdir(), 'berth-package-'));
  const started = performance.now();
  const platforms = [ownPlatform()];
  const { berth } = await buildImages({ platforms, folder, repository: repositoryRoot, version });
  const seconds = (performance.now() - started) / 1000;
  await rm(folder, { recursive: true });
  const imageRepository = `${registry}/${publicProject}/berth`;
  const reference = `${imageRepository}:${version}`;
  const { descriptor: root, blobs } = berth;
  const architecture = ownArchitecture;
  const bytes = await buffer(writeImageArchive({ reference, root, blobs, architecture }));
  await docker.load({ reference, digest: root.digest, bytes });
  await operator.type(`docker push ${reference}`);
  const archive = `berth-${version}.tgz`;
  await operator.host.write(join(operator.host.home, archive), await berthChart());
  const charts = `oci://${registry}/${publicProject}/charts`;
  await operator.type(`helm push ${archive} ${charts}`);
  return { version, imageRepository, chart: `${charts}/berth`, seconds, imageBytes: bytes.length };
}

/** By hand, as before any cluster is connected: the authority in containerd's own folder. */
export async function trustOutside({ cluster, berth }: Bed): Promise<void> {
  for (const { host } of cluster.nodes) {
    await host.write(`/etc/containerd/certs.d/${registry}/ca.crt`, berth.authority);
  }
}

/** A volume on the first node, for a cluster that makes none, and a namespace that restricts pods. */
export async function prepareInside({ cluster }: Bed): Promise<void> {
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error('The cluster has no node.');
  const path = join(node.host.home, 'berth-data');
  await node.host.shell(`mkdir -p '${path}' && chown 65532:65532 '${path}'`);
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
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'berth-data' },
      spec: {
        capacity: { storage: volumeSize },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        local: { path },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              {
                matchExpressions: [
                  { key: 'kubernetes.io/hostname', operator: 'In', values: [node.name] },
                ],
              },
            ],
          },
        },
      },
    },
  );
}

/** What the operator types to install it, and again to bring it up to date. */
export function helmCommand(
  verb: 'install' | 'upgrade',
  { chart, version, imageRepository }: PushedPackage,
  { cluster }: Bed,
): string {
  const addresses = cluster.nodes.map(({ host }) => host.address).join(',');
  return [
    `helm ${verb} berth ${chart} --version ${version} --namespace ${insideNamespace}`,
    `--set url=https://${insideName}`,
    `--set image.repository=${imageRepository}`,
    `--set service.type=NodePort --set service.nodePort=30500`,
    `--set 'service.nodeAddresses={${addresses}}'`,
    `--set persistence.storageClass=- --set persistence.size=${volumeSize}`,
  ].join(' ');
}

export interface Inside {
  readonly password: string;
  readonly fingerprint: string;
}

/** What the start of Berth printed, which the log holds. */
export async function readStart({ operator }: Bed): Promise<Inside> {
  const log = await operator.type(`kubectl --namespace ${insideNamespace} logs deployment/berth`);
  const password = /^ +password +(\S+)/m.exec(log)?.[1];
  const fingerprint = /^ +authority +([0-9A-F:]{95})$/m.exec(log)?.[1];
  if (password !== undefined && fingerprint !== undefined) return { password, fingerprint };
  throw new Error(`The log holds no password, or no fingerprint:\n${log}`);
}

/** A clone of Berth whose user is signed in inside, while the bed's own stays signed in outside. */
export async function signInInside(
  { operator }: Bed,
  { password, fingerprint }: Inside,
): Promise<Terminal> {
  const clone = openTerminal(operator.host, repositoryRoot);
  await clone.type('export XDG_CONFIG_HOME=$HOME/inside');
  await clone.type(`./berth trust ${insideName} --fingerprint ${fingerprint}`);
  await clone.type(`./berth login ${insideName} --username admin --password-stdin`, {
    input: password,
  });
  await operator.type(
    `echo ${quoted(password)} | docker login --username admin --password-stdin ${insideName}`,
  );
  return clone;
}
