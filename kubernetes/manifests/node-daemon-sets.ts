import {
  filesFolder,
  nodeCommand,
  nodeRoot,
  nodeSecurityContext,
  programFolders,
  writableFolders,
} from '../node/layout.ts';
import { daemonSetNames, nodeName, ourLabels } from './names.ts';
import type { NodeImage } from './node-images.ts';
import { type KubernetesObject, ofNamespace } from './object.ts';

const hostLabel = 'kubernetes.io/hostname';
const daemonSetLabel = 'app.kubernetes.io/name';

/** The DaemonSets that put files on nodes: one for each image, and no node with two of their pods. */
export function nodeDaemonSets(images: readonly NodeImage[]): KubernetesObject[] {
  const named = images.flatMap(({ hosts }) => hosts ?? []);
  return images
    .slice(0, daemonSetNames.length)
    .map((choice, index) => nodeDaemonSet(daemonSetNames[index] ?? nodeName, choice, named));
}

function nodeDaemonSet(
  name: string,
  { image, shell, hosts }: NodeImage,
  named: readonly string[],
): KubernetesObject {
  const labels = { ...ourLabels, [daemonSetLabel]: name };
  return ofNamespace('apps/v1', 'DaemonSet', name, {
    spec: {
      selector: { matchLabels: { [daemonSetLabel]: name } },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: nodeName,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          priorityClassName: 'system-node-critical',
          // Before the network of pods is there, whose images may come from the registry too.
          hostNetwork: true,
          // The command lines of the kubelet and of containerd say where their files are.
          hostPID: true,
          tolerations: [{ operator: 'Exists' }],
          affinity: affinityOf(hosts, named),
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: 'node',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: nodeCommand,
              env: [
                { name: 'PATH', value: '/usr/sbin:/usr/bin:/sbin:/bin' },
                { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
              ],
              resources: { requests: { cpu: '1m', memory: '8Mi' }, limits: { memory: '64Mi' } },
              securityContext: {
                ...nodeSecurityContext,
                seccompProfile: { type: 'RuntimeDefault' },
              },
              volumeMounts: [
                { name: 'files', mountPath: filesFolder, readOnly: true },
                {
                  name: 'root',
                  mountPath: nodeRoot,
                  readOnly: true,
                  mountPropagation: 'HostToContainer',
                },
                ...writableFolders.map((path) => ({
                  name: volumeName(path),
                  mountPath: `${nodeRoot}${path}`,
                  mountPropagation: 'HostToContainer',
                })),
                ...(shell === 'host' ? programFolders : []).map((path) => ({
                  name: volumeName(path),
                  mountPath: path,
                  readOnly: true,
                })),
              ],
            },
          ],
          volumes: [
            { name: 'files', configMap: { name: nodeName } },
            { name: 'root', hostPath: { path: '/' } },
            ...[...writableFolders, ...(shell === 'host' ? programFolders : [])].map((path) => ({
              name: volumeName(path),
              hostPath: { path },
            })),
          ],
        },
      },
    },
  });
}

function affinityOf(hosts: readonly string[] | undefined, named: readonly string[]): object {
  const onLinux = { key: 'kubernetes.io/os', operator: 'In', values: ['linux'] };
  const here =
    hosts === undefined
      ? { key: hostLabel, operator: 'NotIn', values: named }
      : { key: hostLabel, operator: 'In', values: hosts };
  const matchExpressions =
    here.values.length === 0 && hosts === undefined ? [onLinux] : [onLinux, here];
  return {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions }],
      },
    },
  };
}

function volumeName(path: string): string {
  return `host${path.replaceAll('/', '-')}`;
}

/**
 * Some providers, GKE among them, admit pods of a system's priority to a namespace only where a
 * quota names that priority.
 */
export function criticalPodsQuota(): KubernetesObject {
  return ofNamespace('v1', 'ResourceQuota', nodeName, {
    spec: {
      hard: { pods: '1M' },
      scopeSelector: {
        matchExpressions: [
          { scopeName: 'PriorityClass', operator: 'In', values: ['system-node-critical'] },
        ],
      },
    },
  });
}
