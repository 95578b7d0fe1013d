import type { Problem } from '#contract/agent.ts';
import { createObjectStore, type ObjectStore, type Pod, resources } from '#kubernetes/api/index.ts';
import { berthNamespace, daemonSetNames, ourLabels } from '#kubernetes/manifests/names.ts';
import { daemonSetLabel } from '#kubernetes/manifests/node-daemon-sets.ts';
import type { AgentContext } from '../part.ts';

/** The pod of ours on a node. */
export interface NodePod {
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  /** Of the files that its kubelet was last hurried to hand on. */
  readonly revision: string | undefined;
  /** When its container began to run, as it does now. */
  readonly runningSince: string | undefined;
  readonly terminating: boolean;
  /** Why it does not run. */
  readonly reason: string;
  readonly message: string;
}

/** Changing it has the kubelet look at the pod, and with it at the files, at once. */
export const revisionAnnotation = 'berth/revision';

export function watchNodePods({ api, log, signal }: AgentContext): ObjectStore<NodePod> {
  const ours = Object.entries(ourLabels).map(([label, value]) => `${label}=${value}`);
  return createObjectStore({
    api,
    resource: resources.pods,
    namespace: berthNamespace,
    labels: [...ours, `${daemonSetLabel} in (${daemonSetNames.join(',')})`].join(','),
    signal,
    report: (error) => log.failure('Watching the pods on nodes', error),
    keep: keptOfPod,
  });
}

function keptOfPod({ metadata, spec, status }: Pod): NodePod {
  const state = status?.containerStatuses?.[0]?.state;
  const last = status?.containerStatuses?.[0]?.lastState;
  const stopped = state?.terminated ?? last?.terminated;
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    node: spec.nodeName ?? '',
    revision: metadata.annotations?.[revisionAnnotation],
    runningSince: state?.running?.startedAt,
    terminating: metadata.deletionTimestamp !== undefined,
    reason: (state?.waiting?.reason ?? stopped?.reason ?? status?.reason ?? '').slice(0, 100),
    message: (stopped?.message ?? state?.waiting?.message ?? status?.message ?? '').slice(0, 500),
  };
}

export interface Obstacle {
  readonly problem: Problem;
  /** Whether another image might help. */
  readonly ofImage: boolean;
}

const imageReasons = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
]);

/** What keeps a pod from running; undefined while it may still begin by itself. */
export function obstacleOf(pod: NodePod, image: string, cluster: string): Obstacle | undefined {
  const { node, name, reason, message } = pod;
  if (pod.runningSince !== undefined || reason === '') return undefined;
  if (reason === 'ContainerCreating' || reason === 'PodInitializing') return undefined;
  const setImage = `berth cluster set ${cluster} --node-image IMAGE, with an image that has a shell and that the node has or can pull`;
  if (imageReasons.has(reason)) {
    return {
      ofImage: true,
      problem: {
        message: `The pod that makes ${node} trust the registry has no image: ${image} cannot be pulled there. ${message}`,
        cure: `Name another one: ${setImage}.`,
      },
    };
  }
  if (/\/bin\/sh|no such file|exec format|executable file not found/.test(message)) {
    return {
      ofImage: true,
      problem: {
        message: `The pod that makes ${node} trust the registry finds no shell: ${message}`,
        cure: `Name an image that holds one: ${setImage}.`,
      },
    };
  }
  return {
    ofImage: false,
    problem: {
      message: `The pod that makes ${node} trust the registry does not run: ${reason}. ${message}`,
      cure: `See why with: kubectl describe pod ${name} --namespace ${berthNamespace}`,
    },
  };
}

/** Where the DaemonSet makes no pod on a node that could run one. */
export function noPod(
  node: string,
  cluster: string,
  found: { readonly hasImage: boolean; readonly passedOver: string | undefined },
): Problem {
  if (found.hasImage) {
    return {
      message: `Kubernetes has made no pod of Berth on ${node}: a policy of the cluster may refuse it, since it mounts folders of the node.`,
      cure: `See why with: kubectl describe daemonset --namespace ${berthNamespace}. Exempt the namespace ${berthNamespace} from that policy, or trust the registry on the node by hand (berth trust).`,
    };
  }
  if (found.passedOver !== undefined) {
    return {
      message: `The sandboxes of ${node} may run ${found.passedOver.slice(0, 300)}, but anybody may have brought an image of that name there, and the pods of Berth are root.`,
      cure: `If it is yours, say so: berth cluster set ${cluster} --node-image ${found.passedOver.slice(0, 300)}`,
    };
  }
  return {
    message: `${node} has neither a shell of its own nor an image that holds one.`,
    cure: `Name an image with a shell that it can pull: berth cluster set ${cluster} --node-image IMAGE`,
  };
}
