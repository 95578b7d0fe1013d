import { createHash } from 'node:crypto';
import { isNotFound, type KubernetesApi, resources } from '#kubernetes/api/index.ts';
import { berthNamespace, nodeName, ourLabels } from '#kubernetes/manifests/names.ts';
import { nodeDaemonSets } from '#kubernetes/manifests/node-daemon-sets.ts';
import type { NodeImage } from '#kubernetes/manifests/node-images.ts';
import { revisionAnnotation } from './node-pods.ts';

const filesPlace = { name: nodeName, namespace: berthNamespace };
const planAnnotation = 'berth/plan';
const managerLabel = 'app.kubernetes.io/managed-by';
const partLabel = 'app.kubernetes.io/part-of';

/** Makes the ConfigMap hold these files and no others. */
export async function putNodeFiles(
  api: KubernetesApi,
  files: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const present = await api.find(resources.configMaps, filesPlace, { signal });
  if (present === undefined) {
    const metadata = { ...filesPlace, labels: ourLabels };
    const body = { metadata, data: files };
    await api.patch(resources.configMaps, filesPlace, { type: 'apply', body }, { signal });
    return;
  }
  const gone = Object.keys(present.data ?? {}).filter((name) => !Object.hasOwn(files, name));
  const changed = Object.entries(files).filter(([name, text]) => present.data?.[name] !== text);
  if (gone.length === 0 && changed.length === 0) return;
  const data = {
    ...Object.fromEntries(changed),
    ...Object.fromEntries(gone.map((name) => [name, null])),
  };
  await api.patch(resources.configMaps, filesPlace, { type: 'merge', body: { data } }, { signal });
}

/** Makes the DaemonSets those of a plan; pods of what has not changed run on. */
export async function putDaemonSets(
  api: KubernetesApi,
  images: readonly NodeImage[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = nodeDaemonSets(images);
  const { items } = await api.list(resources.daemonSets, { namespace: berthNamespace, signal });
  for (const object of wanted) {
    const { name } = object.metadata;
    const plan = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
    const present = items.find(({ metadata }) => metadata.name === name);
    if (present?.metadata.annotations?.[planAnnotation] === plan) continue;
    const manager = present?.metadata.labels?.[managerLabel];
    const metadata = {
      ...object.metadata,
      // Helm's own mark on what it made stays: an upgrade would take another for a conflict.
      ...(manager !== undefined && {
        labels: { ...object.metadata.labels, [managerLabel]: manager },
      }),
      annotations: { [planAnnotation]: plan },
    };
    await api.patch(
      resources.daemonSets,
      { name, namespace: berthNamespace },
      { type: 'apply', body: { ...object, metadata }, force: true },
      { signal },
    );
  }
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  for (const { metadata } of items) {
    if (!isOurs(metadata.labels) || names.has(metadata.name)) continue;
    await api.delete(
      resources.daemonSets,
      { name: metadata.name, namespace: berthNamespace },
      { signal },
    );
  }
}

export async function deleteNodeObjects(api: KubernetesApi, signal: AbortSignal): Promise<void> {
  const { items } = await api.list(resources.daemonSets, { namespace: berthNamespace, signal });
  for (const { metadata } of items) {
    if (!isOurs(metadata.labels)) continue;
    await api.delete(
      resources.daemonSets,
      { name: metadata.name, namespace: berthNamespace },
      { signal },
    );
  }
  await api.delete(resources.configMaps, filesPlace, { signal });
}

/** Has a pod's kubelet hand it the files as they are now. Without it that takes a minute or more. */
export async function hurryPod(
  api: KubernetesApi,
  name: string,
  revision: string,
  signal: AbortSignal,
): Promise<void> {
  const body = { metadata: { annotations: { [revisionAnnotation]: revision } } };
  try {
    await api.patch(
      resources.pods,
      { name, namespace: berthNamespace },
      { type: 'merge', body },
      { signal },
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function isOurs(labels: Readonly<Record<string, string>> = {}): boolean {
  return labels[partLabel] === ourLabels[partLabel];
}
