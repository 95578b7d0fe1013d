import type { Host } from '#test/hosts.ts';
import { repositoryRoot } from '#test/suite.ts';
import { openTerminal } from '#test/terminal.ts';
import type { Cluster, Docker } from '../cluster/index.ts';
import { helmProgram, loadImages } from './programs.ts';
import type { Scene } from './scene.ts';

/** What of a scene is the same wherever Berth runs. */
export type Machines = Pick<Scene, 'workstation' | 'clone' | 'laptop' | 'nodes' | 'useHelm'>;

/** Gives the operator's machines, and the nodes, what the tutorial types there. */
export async function prepareMachines(parts: {
  /** Of the workstation. */
  readonly docker: Docker;
  readonly laptop: Host;
  readonly cluster: Cluster;
}): Promise<Machines> {
  const { docker, laptop, cluster } = parts;
  const workstation = docker.host;
  const nodes = cluster.nodes.map(({ host }) => host);
  await Promise.all([
    ...[workstation, laptop].map((host) => cluster.administerFrom(host)),
    ...[workstation, ...nodes].map((host) => host.install({ node: process.execPath })),
    loadImages(docker),
  ]);
  return {
    workstation: openTerminal(workstation),
    clone: openTerminal(workstation, repositoryRoot),
    laptop: openTerminal(laptop),
    nodes: nodes.map((host) => ({
      terminal: openTerminal(host),
      clone: openTerminal(host, repositoryRoot),
    })),
    useHelm: async (version) => {
      const helm = await helmProgram(version);
      await Promise.all([workstation, laptop].map((host) => host.install({ helm })));
    },
  };
}
