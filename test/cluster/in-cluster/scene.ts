import { prepareMachines } from '../../tutorial/machines.ts';
import type { Scene } from '../../tutorial/scene.ts';
import type { Bed } from '../bed.ts';
import { startDocker } from '../index.ts';
import { insideName, type Start } from './page.ts';

/** Berth in the cluster, as those find it who begin with the tutorial. */
export interface InsideScene extends Scene {
  /** By hand: the nodes look up its name as the operator's machines do. */
  nameOnNodes(): Promise<void>;
  /** Takes from the nodes that name, and what trust they were given beside it. */
  forgetOnNodes(): Promise<void>;
  stop(): Promise<void>;
}

/** @param trustOnNodes how nodes trust it and find it, once they forgot what was done by hand */
export async function openScene(
  { lan, cluster }: Bed,
  { password, fingerprint }: Start,
  trustOnNodes: () => Promise<void>,
): Promise<InsideScene> {
  const [workstation, laptop] = await Promise.all([
    lan.addHost({ name: 'workstation', number: 4 }),
    lan.addHost({ name: 'laptop', number: 5 }),
  ]);
  const [host = ''] = insideName.split(':');
  const address = cluster.nodes[0]?.address ?? '';
  await Promise.all([workstation, laptop].map((machine) => machine.resolve({ [host]: address })));
  const docker = await startDocker(workstation);
  const machines = await prepareMachines({ docker, laptop, cluster });
  return {
    ...machines,
    registry: insideName,
    admin: { username: 'admin', password },
    fingerprint,
    trustOnNodes,
    nameOnNodes: async () => {
      for (const { terminal } of machines.nodes) {
        await terminal.type(`echo '${address} ${host}' >>/etc/hosts`);
      }
    },
    forgetOnNodes: async () => {
      await Promise.all(
        machines.nodes.map(async ({ terminal, clone }) => {
          await clone.type(`./berth trust ${insideName} --remove`);
          await terminal.type(`sed -i '/ ${host}$/d' /etc/hosts`);
        }),
      );
    },
    stop: async () => {
      await docker.stop();
      await Promise.all([workstation.stop(), laptop.stop()]);
    },
  };
}
