import { OciError } from '#oci/errors.ts';
import { type ImageReference, parseImageReference } from '#oci/reference.ts';

/** An image of a namespace, and who runs it. */
export interface ImageUse {
  /** As the workload writes it. */
  readonly image: string;
  /** `Deployment web`, `Pod debug`, … */
  readonly workloads: readonly string[];
}

interface PodSpec {
  readonly serviceAccountName?: string;
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly containers?: readonly { readonly image?: string }[];
  readonly initContainers?: readonly { readonly image?: string }[];
}

interface Metadata {
  readonly name?: string;
  readonly ownerReferences?: readonly unknown[];
}

interface KubernetesObject {
  readonly kind?: string;
  readonly metadata?: Metadata;
  readonly spec?: PodSpec & {
    readonly template?: { readonly spec?: PodSpec };
    readonly jobTemplate?: { readonly spec?: { readonly template?: { readonly spec?: PodSpec } } };
  };
  readonly imagePullSecrets?: PodSpec['imagePullSecrets'];
}

/** The kinds that `imagesThatUse` reads, as kubectl names them. */
export const workloadKinds =
  'pods,deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs,serviceaccounts';

/**
 * The images whose pods are given the Secret `name`: named by the pod itself, or by its service
 * account where the pod names none, as admission copies them.
 * @param list what `kubectl get` answers for `workloadKinds`
 */
export function imagesThatUse(list: unknown, name: string): ImageUse[] {
  const objects = (list as { items?: readonly KubernetesObject[] } | undefined)?.items ?? [];
  const accounts = new Map(
    objects
      .filter(({ kind }) => kind === 'ServiceAccount')
      .map((account) => [account.metadata?.name ?? '', account.imagePullSecrets ?? []]),
  );
  const uses = new Map<string, string[]>();
  for (const object of objects) {
    const spec = podSpecOf(object);
    // What a controller made is told by the controller.
    if (spec === undefined || (object.metadata?.ownerReferences?.length ?? 0) > 0) continue;
    const named = spec.imagePullSecrets ?? [];
    const secrets =
      named.length > 0 ? named : (accounts.get(spec.serviceAccountName ?? 'default') ?? []);
    if (!secrets.some((secret) => secret.name === name)) continue;
    for (const { image } of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
      if (image === undefined) continue;
      const workload = `${object.kind ?? 'Object'} ${object.metadata?.name ?? ''}`;
      uses.set(image, [...(uses.get(image) ?? []), workload]);
    }
  }
  return [...uses].map(([image, workloads]) => ({ image, workloads: [...new Set(workloads)] }));
}

function podSpecOf({ kind, spec }: KubernetesObject): PodSpec | undefined {
  switch (kind) {
    case 'Pod':
      return spec;
    case 'CronJob':
      return spec?.jobTemplate?.spec?.template?.spec;
    case 'ServiceAccount':
      return undefined;
    default:
      return spec?.template?.spec;
  }
}

/** Undefined for what is no image: the kubelet says InvalidImageName. */
export function readImage(image: string): ImageReference | undefined {
  try {
    return parseImageReference(image);
  } catch (error) {
    if (error instanceof OciError) return undefined;
    throw error;
  }
}
