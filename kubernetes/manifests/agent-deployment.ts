import { certificateKey } from '../node/layout.ts';
import {
  agentEnvironment,
  agentFolder,
  agentName,
  agentPorts,
  agentProbes,
  nodeName,
  ourLabels,
} from './names.ts';
import { type KubernetesObject, ofNamespace } from './object.ts';

export interface AgentDeploymentOptions {
  readonly cluster: string;
  /** `host[:port]` */
  readonly registry: string;
  /** `https://host[:port]` */
  readonly addresses: string;
  readonly image: string;
  /** That the image is made for. */
  readonly architectures: readonly string[];
}

const selector = { 'app.kubernetes.io/name': agentName };
const leavesNodes = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** One agent acts, by its Lease: another may run beside it, as during an update. */
export function agentDeployment(options: AgentDeploymentOptions): KubernetesObject {
  const environment: Readonly<Record<string, string>> = {
    [agentEnvironment.cluster]: options.cluster,
    [agentEnvironment.registry]: options.registry,
    [agentEnvironment.addresses]: options.addresses,
    [agentEnvironment.authorities]: `${agentFolder}/${certificateKey}`,
  };
  return ofNamespace('apps/v1', 'Deployment', agentName, {
    spec: {
      replicas: 1,
      selector: { matchLabels: selector },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: { ...ourLabels, ...selector } },
        spec: {
          serviceAccountName: agentName,
          enableServiceLinks: false,
          priorityClassName: 'system-cluster-critical',
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [
                  {
                    matchExpressions: [
                      {
                        key: 'kubernetes.io/arch',
                        operator: 'In',
                        values: options.architectures,
                      },
                    ],
                  },
                ],
              },
            },
          },
          // Elsewhere soon after its node is lost, and not after the usual five minutes.
          tolerations: leavesNodes.map((key) => ({
            key,
            operator: 'Exists',
            effect: 'NoExecute',
            tolerationSeconds: 15,
          })),
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65_532,
            runAsGroup: 65_532,
            fsGroup: 65_532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'agent',
              image: options.image,
              imagePullPolicy: 'IfNotPresent',
              env: [
                ...Object.entries(environment).map(([name, value]) => ({ name, value })),
                {
                  name: agentEnvironment.pod,
                  valueFrom: { fieldRef: { fieldPath: 'metadata.name' } },
                },
              ],
              ports: [
                { name: 'health', containerPort: agentPorts.health },
                { name: 'webhook', containerPort: agentPorts.webhook },
              ],
              livenessProbe: {
                httpGet: { path: agentProbes.live, port: 'health' },
                periodSeconds: 10,
                failureThreshold: 6,
              },
              readinessProbe: {
                httpGet: { path: agentProbes.ready, port: 'health' },
                periodSeconds: 5,
              },
              resources: {
                requests: { cpu: '10m', memory: '64Mi' },
                limits: { memory: '256Mi' },
              },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [{ name: 'authorities', mountPath: agentFolder, readOnly: true }],
            },
          ],
          // What nodes are given follows each change of the authority, also while no agent runs.
          volumes: [
            {
              name: 'authorities',
              configMap: {
                name: nodeName,
                items: [{ key: certificateKey, path: certificateKey }],
                optional: true,
              },
            },
          ],
        },
      },
    },
  });
}

/** Where the API server asks about pods that are being made; the agent makes the webhook itself. */
export function webhookService(): KubernetesObject {
  return ofNamespace('v1', 'Service', agentName, {
    spec: { selector, ports: [{ name: 'webhook', port: 443, targetPort: 'webhook' }] },
  });
}
