import { succeed } from '#test/processes.ts';

/** Counts what goes between a process's network and an address. */
export interface TrafficCount {
  /** Both directions, headers included, since the count began. */
  bytes(): Promise<number>;
  end(): Promise<void>;
}

/** @param pid of a process in a pod, as this machine counts */
export async function countTraffic(pid: number, address: string): Promise<TrafficCount> {
  const rules = [
    ['OUTPUT', '--destination', address],
    ['INPUT', '--source', address],
  ] as const;
  const iptables = (...args: readonly string[]) =>
    succeed('nsenter', ['--target', String(pid), '--net', '--', 'iptables', '--wait', ...args]);
  for (const rule of rules) await iptables('--insert', ...rule);
  return {
    bytes: async () => {
      let sum = 0;
      for (const [chain] of rules) {
        const [, , first = ''] = (
          await iptables('--list', chain, '--verbose', '--exact', '--numeric')
        ).split('\n');
        // packets, bytes, and what the rule is
        sum += Number(first.trim().split(/\s+/)[1]);
      }
      return sum;
    },
    end: async () => {
      for (const rule of rules) await iptables('--delete', ...rule);
    },
  };
}
