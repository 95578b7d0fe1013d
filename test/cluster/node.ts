import type { Host, Lan } from '#test/hosts.ts';
import { type Started, waitFor } from '#test/processes.ts';
import {
  type Containerd,
  type ContainerdChoice,
  type ContainerdVersion,
  containerdSocket,
  startContainerd,
} from './containerd.ts';
import type { ControlPlane } from './control-plane.ts';
import { k3sContainerdFile, k3sUnit, layOutK3s } from './k3s.ts';
import type { ClusterTools } from './tools.ts';

export interface NodeDescription extends Omit<ContainerdChoice, 'file'> {
  readonly name: string;
  /** Of its address in the LAN: at most 99. */
  readonly number: number;
  readonly containerd: ContainerdVersion;
  /** Whose files and processes are where; kubeadm's by default. */
  readonly layout?: 'kubeadm' | 'k3s';
  /** Added to the kubelet's own: credential providers, for one. */
  readonly kubeletArguments?: readonly string[];
}

export interface ClusterNode {
  readonly name: string;
  readonly address: string;
  readonly host: Host;
  readonly containerd: Containerd;
  readonly containerdVersion: ContainerdVersion;
  /** The range of its pods' addresses. */
  readonly podRange: string;
  /** Kubelet flags are read at its start only: those given, and those of kubeadm's file. */
  restartKubelet(args?: readonly string[]): Promise<void>;
  /** Lets whoever is at the node restart the kubelet by systemctl, which it lacks otherwise. */
  haveServices(): Promise<void>;
  stop(): Promise<void>;
}

/** A node with its runtime running, before it joins a cluster. */
export interface PreparedNode {
  readonly description: NodeDescription;
  readonly host: Host;
  readonly containerd: Containerd;
  readonly podRange: string;
}

/** Where kubeadm keeps flags for the unit that it starts the kubelet by. */
export const kubeletFlags = '/var/lib/kubelet/kubeadm-flags.env';

/** Like kubeadm's unit: whatever ends the kubelet, it is started again, with the flags of that file. */
const kubeletUnit = `trap 'kill $kubelet; wait $kubelet; exit' TERM
while :; do
  . ${kubeletFlags}
  "$(command -v kubelet)" "$@" $KUBELET_KUBEADM_ARGS &
  kubelet=$!
  echo $kubelet >/run/kubelet.pid
  wait $kubelet
  sleep 0.2
done`;

/** What of systemd's command Berth may ask, for the one unit that the bed has. */
const systemctl = `#!/bin/sh
case "$*" in
  *is-active*' kubelet') ;;
  'restart kubelet') kill "$(cat /run/kubelet.pid)" ;;
  *) exit 1 ;;
esac
`;

export async function prepareNode(
  lan: Lan,
  description: NodeDescription,
  tools: ClusterTools,
): Promise<PreparedNode> {
  const { name, number } = description;
  const host = await lan.addHost({ name, number, path: [tools.kubernetes] });
  const podRange = lan.podRangeOf(number);
  await host.write('/etc/cni/net.d/10-bridge.conflist', network(podRange));
  const isK3s = description.layout === 'k3s';
  if (isK3s) await layOutK3s(host);
  const choice = isK3s ? { ...description, file: k3sContainerdFile } : description;
  const [containerd] = await Promise.all([
    startContainerd(host, description.containerd, tools.containerd, choice),
    lan.addRoute(podRange, host.address),
  ]);
  return { description, host, containerd, podRange };
}

/** Starts the node's kubelet and kube-proxy; the node may not be Ready yet. */
export async function joinNode(
  lan: Lan,
  controlPlane: ControlPlane,
  { description, host, containerd, podRange }: PreparedNode,
): Promise<ClusterNode> {
  const { name } = description;
  const { address } = host;
  const [kubeletConfig, proxyConfig] = await Promise.all([
    controlPlane.kubeconfigFor(`system:node:${name}`, 'system:nodes'),
    controlPlane.kubeconfigFor('system:kube-proxy', 'system:node-proxier'),
  ]);
  await host.write('/etc/kubernetes/kubelet.conf', kubeletConfig, 0o600);
  await host.write('/etc/kubernetes/kube-proxy.conf', proxyConfig, 0o600);
  await host.write('/etc/kubernetes/ca.crt', controlPlane.authority.certificate);
  await host.write(
    '/var/lib/kubelet/config.yaml',
    kubeletConfiguration(host, controlPlane.host.address),
  );
  const isK3s = description.layout === 'k3s';
  const ofAddress = `--node-ip=${address}`;
  if (!isK3s) await host.write(kubeletFlags, `KUBELET_KUBEADM_ARGS="${ofAddress}"\n`);
  const [shell, unit] = isK3s ? ['bash', k3sUnit] : ['sh', kubeletUnit];
  const startKubelet = (args: readonly string[]) =>
    host.spawn('kubelet', shell, [
      '-c',
      unit,
      shell,
      '--kubeconfig=/etc/kubernetes/kubelet.conf',
      '--config=/var/lib/kubelet/config.yaml',
      ...(isK3s ? [ofAddress] : []),
      ...args,
    ]);
  let kubelet = await startKubelet(description.kubeletArguments ?? []);
  const proxy = await startProxy(host, lan.podRange);
  return {
    name,
    address,
    host,
    containerd,
    containerdVersion: description.containerd,
    podRange,
    restartKubelet: async (args = []) => {
      await kubelet.stop();
      kubelet = await startKubelet(args);
      await kubeletAnswers(host, kubelet);
    },
    haveServices: async () => {
      await host.write('/run/systemctl', systemctl, 0o755);
      await host.shell(
        'mkdir -p /run/systemd/system && mount --bind /run/systemctl /usr/bin/systemctl',
      );
    },
    stop: async () => {
      await Promise.all([kubelet.stop(), proxy.stop()]);
      await containerd.stop();
      await host.stop();
    },
  };
}

async function kubeletAnswers(host: Host, kubelet: Started): Promise<void> {
  const question = ['wget', '-q', '-O-', 'http://127.0.0.1:10248/healthz'];
  await waitFor(() => host.exec('busybox', ...question), {
    what: `the kubelet of ${host.name} to be well`,
    until: (answer) => answer === 'ok',
    programs: [kubelet],
  });
}

function startProxy(host: Host, podRange: string): Promise<Started> {
  return host.spawn('kube-proxy', 'kube-proxy', [
    '--kubeconfig=/etc/kubernetes/kube-proxy.conf',
    `--cluster-cidr=${podRange}`,
    '--proxy-mode=iptables',
    // A network namespace may not set the machine's connection tracking.
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
  ]);
}

function kubeletConfiguration(host: Host, nameServer: string): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: '/etc/kubernetes/ca.crt' },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: host.controlGroup,
    clusterDNS: [nameServer],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    enforceNodeAllocatable: [],
    evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%' },
    failCgroupV1: false,
    failSwapOn: false,
    imageGCHighThresholdPercent: 100,
    registryPullQPS: 0,
    serializeImagePulls: false,
  });
}

function network(range: string): string {
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: range }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  });
}
