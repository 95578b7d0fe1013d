import { pullSecretName } from '#kubernetes/manifests/names.ts';

/** What the API server asks about a pod that is being made, as far as it is read here. */
export interface PodReview {
  /** Of the question. */
  readonly uid: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pullSecrets: readonly string[];
}

/** Undefined for what is no AdmissionReview (admission.k8s.io/v1) of a pod. */
export function readPodReview(body: unknown): PodReview | undefined {
  const request = field(body, 'request');
  const uid = field(request, 'uid');
  const namespace = field(request, 'namespace');
  const spec = field(field(request, 'object'), 'spec');
  if (typeof uid !== 'string' || typeof namespace !== 'string' || spec === undefined) {
    return undefined;
  }
  const serviceAccount = field(spec, 'serviceAccountName');
  const pullSecrets = field(spec, 'imagePullSecrets') ?? [];
  if (!Array.isArray(pullSecrets)) return undefined;
  return {
    uid,
    namespace,
    serviceAccount:
      typeof serviceAccount === 'string' && serviceAccount !== '' ? serviceAccount : 'default',
    pullSecrets: pullSecrets.map((reference) => String(field(reference, 'name'))),
  };
}

/**
 * Whether a pod gets the reference. One that names pull secrets of its own keeps its list, as it
 * would not get those of its ServiceAccount either; by now the list of the ServiceAccount has been
 * copied into pods that name none.
 * @param ofServiceAccount asked only where that decides; undefined where it is not known
 */
export async function wantsReference(
  { pullSecrets }: PodReview,
  ofServiceAccount: () => Promise<readonly string[] | undefined>,
): Promise<boolean> {
  if (pullSecrets.length === 0) return true;
  if (pullSecrets.includes(pullSecretName)) return false;
  const copied = (await ofServiceAccount())?.filter((name) => name !== pullSecretName);
  return (
    copied !== undefined &&
    copied.length === pullSecrets.length &&
    copied.every((name, index) => name === pullSecrets[index])
  );
}

/** The answer to the API server. Whatever happens, the pod is allowed. */
export function reviewAnswer({ uid, pullSecrets }: PodReview, addsReference: boolean): object {
  const reference = { name: pullSecretName };
  const operation =
    pullSecrets.length === 0
      ? { op: 'add', path: '/spec/imagePullSecrets', value: [reference] }
      : { op: 'add', path: '/spec/imagePullSecrets/-', value: reference };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: true,
      ...(addsReference && {
        patchType: 'JSONPatch',
        patch: Buffer.from(JSON.stringify([operation])).toString('base64'),
      }),
    },
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
