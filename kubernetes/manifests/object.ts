import { berthNamespace, ourLabels } from './names.ts';

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** An object of ours in our namespace. */
export function ofNamespace(
  apiVersion: string,
  kind: string,
  name: string,
  fields: Readonly<Record<string, unknown>>,
): KubernetesObject {
  const metadata = { name, namespace: berthNamespace, labels: ourLabels };
  return { apiVersion, kind, metadata, ...fields };
}

/** An object of ours that no namespace holds. */
export function ofCluster(
  apiVersion: string,
  kind: string,
  name: string,
  fields: Readonly<Record<string, unknown>>,
): KubernetesObject {
  return { apiVersion, kind, metadata: { name, labels: ourLabels }, ...fields };
}
