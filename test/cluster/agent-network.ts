import { succeed, waitFor } from '#test/processes.ts';
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

/** The pod of the agent that leads; empty while none does. */
export function leadingAgent({ operator }: Bed): Promise<string> {
  return operator.type(
    "kubectl get lease berth-agent --namespace berth --output=jsonpath='{.spec.holderIdentity}'",
  );
}

export async function networkOfAgent(bed: Bed): Promise<AgentNetwork> {
  const { operator } = bed;
  const pid = await waitFor(() => processOfAgent(bed), { what: 'an agent that leads' });
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

async function processOfAgent(bed: Bed): Promise<number | undefined> {
  const [leader, agents] = await Promise.all([
    leadingAgent(bed),
    containersOf(bed.cluster, 'berth', agentPods),
  ]);
  const agent = agents.find(({ pod }) => pod === leader);
  return agent && (await usageOf(agent)).pids[0];
}
