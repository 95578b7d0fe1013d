import { type Berth, startBerth } from '#test/berth.ts';
import { createLan, type Lan } from '#test/hosts.ts';
import { repositoryRoot } from '#test/suite.ts';
import { openTerminal, type Terminal } from '#test/terminal.ts';
import { ensureDebianPackages, ensureTools, recipes } from '#test/tools/index.ts';
import {
  busyboxImage,
  type Cluster,
  type ClusterNode,
  type ContainerdVersion,
  type Docker,
  startCluster,
  startDocker,
} from '../cluster/index.ts';

export const suite = 'tutorial';
export const registry = 'registry.berth.test';

/** The releases of Helm that the tutorial is gone through with. */
export type HelmVersion = '3.3' | '3.22' | '4.3';

/** Berth on its own host, a cluster of one node, and two machines of the operator's. */
export interface Bed {
  readonly lan: Lan;
  readonly version: ContainerdVersion;
  readonly berth: Berth;
  readonly cluster: Cluster;
  readonly node: ClusterNode;
  readonly docker: Docker;
  /** The operator's machine with docker, kubectl and Helm. */
  readonly workstation: Terminal;
  /** The same machine, in a clone of Berth. */
  readonly clone: Terminal;
  /** A machine with kubectl and Helm, which is never made to trust anything. */
  readonly laptop: Terminal;
  /** On the node. */
  readonly nodeTerminal: Terminal;
  /** On the node, in a clone of Berth. */
  readonly nodeClone: Terminal;
  /** Makes `helm`, as typed on both machines, that release. */
  useHelm(version: HelmVersion): Promise<void>;
  stop(): Promise<void>;
}

export async function ensureTutorialTools(): Promise<void> {
  await ensureDebianPackages(['ca-certificates', 'curl', 'openssl', 'bsdutils', 'sudo']);
  await ensureTools(recipes.clients);
  await ensureTools(recipes['helm-3.3']);
}

export async function startBed(version: ContainerdVersion): Promise<Bed> {
  const lan = await createLan(suite);
  try {
    const [registryHost, workstation, laptop] = await Promise.all([
      lan.addHost({ name: 'registry', number: 2 }),
      lan.addHost({ name: 'workstation', number: 3 }),
      lan.addHost({ name: 'laptop', number: 4 }),
    ]);
    await lan.resolve({ [registry]: registryHost.address });
    const [berth, docker, cluster] = await Promise.all([
      startBerth(registryHost, { url: `https://${registry}` }),
      startDocker(workstation),
      startCluster({ lan, nodes: [{ name: 'node', number: 11, containerd: version }] }),
    ]);
    const [node] = cluster.nodes;
    if (node === undefined) throw new Error('The cluster has no node.');
    await Promise.all([
      ...[workstation, laptop].map((host) => cluster.administerFrom(host)),
      ...[workstation, node.host].map((host) => host.install({ node: process.execPath })),
    ]);
    await docker.load(await busyboxImage('netutils:latest'));
    await docker.load(await busyboxImage('web:1.27', { command: webServer }));
    return {
      lan,
      version,
      berth,
      cluster,
      node,
      docker,
      workstation: openTerminal(workstation),
      clone: openTerminal(workstation, repositoryRoot),
      laptop: openTerminal(laptop),
      nodeTerminal: openTerminal(node.host),
      nodeClone: openTerminal(node.host, repositoryRoot),
      useHelm: async (helm) => {
        const program = await helmProgram(helm);
        await Promise.all([workstation, laptop].map((host) => host.install({ helm: program })));
      },
      stop: async () => {
        await Promise.all([cluster.stop(), docker.stop(), berth.stop()]);
        await lan.stop();
      },
    };
  } catch (error) {
    await lan.stop();
    throw error;
  }
}

/** What `helm create` expects of its image: an answer on port 80. */
const webServer = [
  'sh',
  '-c',
  'mkdir -p /www && echo hello >/www/index.html && exec httpd -f -h /www',
];

export async function helmProgram(version: HelmVersion): Promise<string> {
  if (version === '3.3') return (await ensureTools(recipes['helm-3.3'])).helm33;
  const { helm3, helm4 } = await ensureTools(recipes.clients);
  return version === '3.22' ? helm3 : helm4;
}
