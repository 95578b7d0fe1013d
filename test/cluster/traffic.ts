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
      const lists = await Promise.all(
        rules.map(([chain]) => iptables('--list', chain, '--verbose', '--exact', '--numeric')),
      );
      // Of a rule's line: packets, bytes, and what it is, the address among it.
      return lists
        .flatMap((list) => list.split('\n').map((line) => line.trim().split(/\s+/)))
        .filter((words) => words.includes(address))
        .reduce((sum, [, bytes]) => sum + Number(bytes), 0);
    },
    end: async () => {
      for (const rule of rules) await iptables('--delete', ...rule);
    },
  };
}
