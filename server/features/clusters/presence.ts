import { holderOfConnection } from './holder.ts';

/** How often a process says of its agents that they are still there. */
export const renewalMilliseconds = 15_000;
/** A process that died says so no more; of one on this machine it is seen at once. */
const believedMilliseconds = 45_000;

/** Whether an agent is connected, to whatever process. */
export function isConnected(
  cluster: { readonly connection: string | null; readonly seen_at: number | null },
  now: number,
): boolean {
  const { connection, seen_at: seenAt } = cluster;
  if (connection === null || (seenAt ?? 0) <= now - believedMilliseconds) return false;
  return holderOfConnection(connection) !== 'gone';
}
