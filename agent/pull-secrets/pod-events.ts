import { randomBytes } from 'node:crypto';
import { type KubernetesApi, resources } from '#kubernetes/api/index.ts';
import type { PendingPod } from './stuck-pods.ts';

export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  /** One word, for machines. */
  readonly reason: string;
  readonly message: string;
}

const component = 'berth-agent';
/** The API server refuses longer ones. */
const longestMessage = 1_024;

/** Shows in `kubectl describe pod` and `kubectl get events`. */
export async function recordPodEvent(
  api: KubernetesApi,
  { namespace, name, uid, resourceVersion }: PendingPod,
  { type, reason, message }: PodEvent,
): Promise<void> {
  const now = new Date().toISOString();
  const event = {
    metadata: { name: `${name.slice(0, 230)}.${randomBytes(8).toString('hex')}`, namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid, resourceVersion },
    type,
    reason,
    message: message.slice(0, longestMessage),
    source: { component },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
    reportingComponent: component,
  };
  await api.create(resources.events, event);
}
