import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host, Lan } from '#test/hosts.ts';
import { outputOf, type RunOptions, run, waitFor } from '#test/processes.ts';
import { startControlPlane } from './control-plane.ts';
import { type ClusterNode, joinNode, type NodeDescription, prepareNode } from './node.ts';
import { clusterTools } from './tools.ts';

export type { ContainerdVersion } from './containerd.ts';
export { type Docker, startDocker } from './docker.ts';
export { buildImage, busyboxImage, type ImageArchive } from './images.ts';
export type { ClusterNode } from './node.ts';
export { clusterTools } from './tools.ts';

export interface Cluster {
  /** The administrator's own kubeconfig. */
  readonly kubeconfig: string;
  /** The address that pods and hosts reach the API server at. */
  readonly server: string;
  readonly nodes: readonly ClusterNode[];
  /** Where the API server runs. */
  readonly controlPlane: Host;
  /** A kubectl command that must succeed; returns its standard output. */
  kubectl(...args: readonly string[]): Promise<string>;
  apply(...objects: readonly object[]): Promise<void>;
  /** Makes a host's kubectl, as typed, the administrator's. */
  administerFrom(host: Host): Promise<void>;
  addNode(node: NodeDescription): Promise<ClusterNode>;
  /** Ends it, and has the cluster forget it. */
  removeNode(node: ClusterNode): Promise<void>;
  /** Ends the API server, and starts it again; resolves when it is ready. */
  restartApiServer(): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterDescription {
  readonly lan: Lan;
  readonly nodes: readonly NodeDescription[];
  /** Of the API server's host in the LAN. */
  readonly number?: number;
}

/** Starts a cluster whose nodes are Ready when this resolves. */
export async function startCluster({
  lan,
  nodes: descriptions,
  number = 10,
}: ClusterDescription): Promise<Cluster> {
  const tools = await clusterTools();
  const [controlPlane, ...prepared] = await Promise.all([
    startControlPlane(lan, number, tools),
    ...descriptions.map((description) => prepareNode(lan, description, tools)),
  ]);
  const kubeconfig = join(lan.folder, 'kubeconfig');
  const admin = await controlPlane.kubeconfigFor('admin', 'system:masters');
  await writeFile(kubeconfig, admin, { mode: 0o600 });

  async function kubectlWith(args: readonly string[], options: RunOptions): Promise<string> {
    const program = join(tools.kubernetes, 'kubectl');
    const finished = await run(program, [`--kubeconfig=${kubeconfig}`, ...args], options);
    return outputOf(finished, `kubectl ${args.join(' ')}`);
  }

  async function ready(node: ClusterNode): Promise<void> {
    const condition = 'jsonpath={.status.conditions[?(@.type=="Ready")]}';
    await waitFor(() => kubectlWith(['get', 'node', node.name, '--output', condition], {}), {
      what: `the node ${node.name} to be Ready`,
      until: (text) => text.includes('"status":"True"'),
      limit: 120_000,
    });
  }

  const nodes = await Promise.all(prepared.map((node) => joinNode(lan, controlPlane, node)));
  await Promise.all(nodes.map(ready));
  return {
    kubeconfig,
    server: controlPlane.server,
    nodes,
    controlPlane: controlPlane.host,
    kubectl: (...args) => kubectlWith(args, {}),
    apply: async (...items) => {
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
      await kubectlWith(['apply', '--filename=-'], { input: list });
    },
    administerFrom: async (host) => {
      await mkdir(join(host.home, '.kube'), { recursive: true });
      await writeFile(join(host.home, '.kube', 'config'), admin, { mode: 0o600 });
      await host.install({ kubectl: join(tools.kubernetes, 'kubectl') });
    },
    addNode: async (description) => {
      const node = await joinNode(lan, controlPlane, await prepareNode(lan, description, tools));
      nodes.push(node);
      await ready(node);
      return node;
    },
    removeNode: async (node) => {
      nodes.splice(nodes.indexOf(node), 1);
      await node.stop();
      await kubectlWith(['delete', 'node', node.name], {});
      // The cluster would take most of a minute to, and their namespaces could not go before.
      const gone = `--field-selector=spec.nodeName=${node.name}`;
      await kubectlWith(['delete', 'pods', '--all-namespaces', gone, '--force'], {});
    },
    restartApiServer: controlPlane.restartApiServer,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await controlPlane.stop();
      await controlPlane.host.stop();
    },
  };
}
