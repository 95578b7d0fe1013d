import { startBerth } from '#test/berth.ts';
import { createLan } from '#test/hosts.ts';
import { type ContainerdVersion, startCluster, startDocker } from '../cluster/index.ts';
import { prepareMachines } from './machines.ts';
import type { Scene } from './scene.ts';

export const suite = 'tutorial';
const registry = 'registry.berth.test';

/** Berth on its own host, a cluster of one node, and two machines of the operator's. */
export interface Bed extends Scene {
  stop(): Promise<void>;
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
    const machines = await prepareMachines({ docker, laptop, cluster });
    const { fingerprint, admin } = berth;
    return {
      ...machines,
      registry,
      admin,
      fingerprint,
      trustOnNodes: async () => {
        const command = `./berth trust ${registry} --fingerprint ${fingerprint}`;
        for (const { clone } of machines.nodes) await clone.type(command);
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
