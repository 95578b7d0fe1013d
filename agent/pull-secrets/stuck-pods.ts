import type { ContainerStatus, Pod } from '#kubernetes/api/index.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import type { ServiceAccountView } from './plan.ts';

/** A pod that has not started, as far as decisions need it. */
export interface PendingPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Milliseconds since the epoch, whole seconds. */
  readonly createdAt: number;
  readonly serviceAccount: string;
  readonly pullSecrets: readonly string[];
  /** What makes another pod in its place. */
  readonly controller:
    | { readonly kind: string; readonly name: string; readonly uid: string }
    | undefined;
  /** An image that a container waits for, since a registry refused it. */
  readonly refused: string | undefined;
}

const pullFailures: ReadonlySet<string> = new Set(['ErrImagePull', 'ImagePullBackOff']);
/** As container runtimes say that credentials were missing or not enough. */
const refusal =
  /authorization failed|unauthorized|401|403|denied|authentication required|no basic auth credentials|failed to authorize/i;
/** All that older kubelets say while they wait for the next try. */
const backOff = /^Back-off pulling image "[^"]*"$/;

/** Of a pod of which no container has run but those that prepare it, which may run again. */
export function viewPendingPod(pod: Pod, registry: string): PendingPod {
  const { metadata, spec, status } = pod;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const statuses = status?.containerStatuses ?? [];
  const leaving = metadata.deletionTimestamp !== undefined || statuses.some(hasRun);
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    serviceAccount: spec.serviceAccountName ?? 'default',
    pullSecrets: (spec.imagePullSecrets ?? []).map(({ name }) => name),
    // A node makes the pods of its own files again, from the same file.
    controller:
      owner === undefined || owner.kind === 'Node'
        ? undefined
        : { kind: owner.kind, name: owner.name, uid: owner.uid },
    refused:
      leaving || owner?.kind === 'Node'
        ? undefined
        : [...(status?.initContainerStatuses ?? []), ...statuses].find((container) =>
            isRefused(container, registry),
          )?.image,
  };
}

function hasRun({ state, lastState, restartCount = 0 }: ContainerStatus): boolean {
  return (
    restartCount > 0 ||
    state?.running !== undefined ||
    state?.terminated !== undefined ||
    lastState?.terminated !== undefined
  );
}

function isRefused({ image, state }: ContainerStatus, registry: string): boolean {
  const { reason = '', message = '' } = state?.waiting ?? {};
  return (
    image.startsWith(`${registry}/`) &&
    pullFailures.has(reason) &&
    (refusal.test(message) || backOff.test(message))
  );
}

export interface PodFacts {
  readonly pod: PendingPod;
  readonly serviceAccount: ServiceAccountView | undefined;
  /** Whether the namespace has a Secret of ours that can be used. */
  readonly hasSecret: boolean;
  /** When pods of the same controller were first evicted, in milliseconds since the epoch. */
  readonly firstEviction: number | undefined;
}

export type PodVerdict =
  /** It can pull, or will, or what keeps it waiting is nothing that credentials cure. */
  | 'leave'
  /** Another in its place will have the reference. */
  | 'evict'
  /** Nothing makes another in its place. */
  | 'tell-bare'
  /** Another in its place would lack the reference again. */
  | 'tell-own-secrets';

/**
 * What becomes of a pod that waits for an image. Its list was copied from its ServiceAccount when
 * it was made, and only if it had none: no later change of the ServiceAccount reaches it.
 */
export function judgePod({ pod, serviceAccount, hasSecret, firstEviction }: PodFacts): PodVerdict {
  if (pod.refused === undefined || pod.pullSecrets.includes(pullSecretName)) return 'leave';
  if (!hasSecret || serviceAccount?.pullSecrets.includes(pullSecretName) !== true) return 'leave';
  const copied = pod.pullSecrets.every((name) => serviceAccount.pullSecrets.includes(name));
  if (!copied) return 'tell-own-secrets';
  if (pod.controller === undefined) return 'tell-bare';
  // One that was made after others were evicted had its chance: its template names the list.
  const hadItsChance = firstEviction !== undefined && pod.createdAt > firstEviction;
  return hadItsChance ? 'tell-own-secrets' : 'evict';
}
