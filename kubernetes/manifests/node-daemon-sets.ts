import {
  filesFolder,
  nodeCommand,
  nodeRoot,
  nodeSecurityContext,
  programFolders,
  writableFolders,
} from '../node/layout.ts';
import { daemonSetNames, nodeName, ourLabels } from './names.ts';
import type { NodeImage, Shell } from './node-images.ts';
import { type KubernetesObject, ofNamespace } from './object.ts';

const hostLabel = 'kubernetes.io/hostname';
/** Of pods on nodes: which DaemonSet they are of. */
export const daemonSetLabel = 'app.kubernetes.io/name';

/** The DaemonSets that put files on nodes: one for each image, and no node with two of their pods. */
export function nodeDaemonSets(images: readonly NodeImage[]): KubernetesObject[] {
  const others = images.flatMap(({ hosts }) => hosts ?? []);
  return images.slice(0, daemonSetNames.length).map(({ image, shell, hosts }, index) =>
    nodeDaemonSet({
      name: daemonSetNames[index] ?? nodeName,
      image,
      shell,
      placement: [
        onLinux,
        ...(hosts === undefined
          ? except(others)
          : [{ key: hostLabel, operator: 'In', values: hosts }]),
      ],
    }),
  );
}

export interface DaemonSetOptions {
  readonly name: string;
  readonly image: string;
  readonly shell: Shell;
  /** `matchExpressions` of its nodes. */
  readonly placement: unknown;
}

const onLinux = { key: 'kubernetes.io/os', operator: 'In', values: ['linux'] };

function except(hosts: readonly string[]): object[] {
  return hosts.length === 0 ? [] : [{ key: hostLabel, operator: 'NotIn', values: hosts }];
}

export function nodeDaemonSet(options: DaemonSetOptions): KubernetesObject {
  const { name, image, shell, placement } = options;
  const programs = programFoldersOf(shell);
  return ofNamespace('apps/v1', 'DaemonSet', name, {
    spec: {
      selector: { matchLabels: { [daemonSetLabel]: name } },
      // All at once: a node whose pod is replaced keeps what was laid down.
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } },
      template: {
        metadata: { labels: { ...ourLabels, [daemonSetLabel]: name } },
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
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [{ matchExpressions: placement }],
              },
            },
          },
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: 'node',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: nodeCommand,
              env: [{ name: 'PATH', value: '/usr/sbin:/usr/bin:/sbin:/bin' }],
              resources: { requests: { cpu: '1m', memory: '8Mi' }, limits: { memory: '128Mi' } },
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
                ...programs.map((path) => ({
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
            ...[...writableFolders, ...programs].map((path) => ({
              name: volumeName(path),
              hostPath: { path },
            })),
          ],
        },
      },
    },
  });
}

function programFoldersOf(shell: Shell): readonly string[] {
  if (shell === 'image') return [];
  return programFolders.filter((path) => shell === 'host' || path !== '/lib64');
}

function volumeName(path: string): string {
  return `node${path.replaceAll('/', '-')}`;
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
          {
            scopeName: 'PriorityClass',
            operator: 'In',
            values: ['system-cluster-critical', 'system-node-critical'],
          },
        ],
      },
    },
  });
}
