/** How often a process says of its agents that they are still there. */
export const renewalMilliseconds = 15_000;
/** A process that died says so no more. */
const believedMilliseconds = 45_000;

/** Whether an agent is connected, to whatever process. */
export function isConnected(
  cluster: { readonly connection: string | null; readonly seen_at: number | null },
  now: number,
): boolean {
  return cluster.connection !== null && (cluster.seen_at ?? 0) > now - believedMilliseconds;
}
