import type { Pod } from '#kubernetes/api/index.ts';

const second = 1_000;

/**
 * Whether the agent in a pod has ended since it renewed its Lease. Both times are of that pod's
 * node; the kubelet tells whole seconds.
 */
export function hasEnded(pod: Pod | undefined, renewedAt: string | undefined): boolean {
  if (pod === undefined) return true;
  const { phase, containerStatuses = [] } = pod.status ?? {};
  if (phase === 'Failed' || phase === 'Succeeded') return true;
  const [{ state, lastState } = {}] = containerStatuses;
  // One that has begun again goes on with the Lease by itself.
  if (state?.running !== undefined) return false;
  const { finishedAt = '' } = state?.terminated ?? lastState?.terminated ?? {};
  return Date.parse(finishedAt) + second > Date.parse(renewedAt ?? '');
}
