import { succeed } from '#test/processes.ts';
import type { Bed } from './bed.ts';
import { containersOf, usageOf } from './usage.ts';

export const agentPods = 'app.kubernetes.io/name=berth-agent';

/** What lies between the agent and the API server, for whoever wants to break it. */
export interface AgentNetwork {
  /** Ends every connection to the API server, as both ends hear; tells how many there were. */
  reset(): Promise<number>;
  /** Loses whatever is sent either way, and lets nobody hear of it. */
  silence(): Promise<void>;
  restore(): Promise<void>;
}

export async function networkOfAgent({ cluster, operator }: Bed): Promise<AgentNetwork> {
  const [agent] = await containersOf(cluster, 'berth', agentPods);
  if (agent === undefined) throw new Error('No pod of the agent runs.');
  const [pid = 0] = (await usageOf(agent)).pids;
  const service = await operator.type(
    "kubectl get service kubernetes --output=jsonpath='{.spec.clusterIP}'",
  );
  const inPod = (...command: readonly string[]) =>
    succeed('nsenter', ['--target', String(pid), '--net', '--', ...command]);
  const rules = [
    ['OUTPUT', '--destination', service],
    ['INPUT', '--source', service],
  ] as const;

  async function change(option: string): Promise<void> {
    for (const [chain, ...rule] of rules) {
      await inPod('iptables', '--wait', option, chain, ...rule, '--jump', 'DROP');
    }
  }

  return {
    reset: async () => {
      const ended = await inPod('ss', '--no-header', '--tcp', '--kill', 'dst', service);
      return ended.split('\n').filter(Boolean).length;
    },
    silence: () => change('--insert'),
    restore: () => change('--delete'),
  };
}
