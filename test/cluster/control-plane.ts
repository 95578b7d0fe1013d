import type { Host, Lan } from '#test/hosts.ts';
import { type Started, waitFor } from '#test/processes.ts';
import {
  type ClusterAuthority,
  createClusterAuthority,
  createSigningKeys,
  kubeconfig,
} from './identities.ts';
import { startNameServer } from './name-server.ts';
import type { ClusterTools } from './tools.ts';

/** Every bed's: Services are known inside its hosts only. */
const serviceRange = '10.96.0.0/16';

export interface ControlPlane {
  readonly host: Host;
  /** Where pods and hosts reach the API server. */
  readonly server: string;
  readonly authority: ClusterAuthority;
  /** Kubeconfig text of whoever the group `system:masters` or another makes them. */
  kubeconfigFor(user: string, ...groups: readonly string[]): Promise<string>;
  /** Ends the API server, and starts it again; resolves when it is ready. */
  restartApiServer(): Promise<void>;
  stop(): Promise<void>;
}

const folder = '/etc/kubernetes';

/** One JSON line for each request of a pod in the namespace `berth`. */
export const auditLog = '/var/log/kubernetes-audit.log';

const auditPolicy = JSON.stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts:berth'] }, { level: 'None' }],
});

/** Starts etcd, the API server, the controllers and the scheduler on a host of their own. */
export async function startControlPlane(
  lan: Lan,
  number: number,
  tools: ClusterTools,
): Promise<ControlPlane> {
  const [host, authority] = await Promise.all([
    lan.addHost({ name: 'control-plane', number, path: [tools.kubernetes] }),
    createClusterAuthority(),
  ]);
  const { address } = host;
  const server = `https://${address}:6443`;
  const kubeconfigFor: ControlPlane['kubeconfigFor'] = async (user, ...groups) =>
    kubeconfig(server, authority.certificate, await authority.client(user, ...groups));

  await writeKeys(host, authority);
  await host.write(
    `${folder}/admin.conf`,
    await kubeconfigFor('kubernetes-admin', 'system:masters'),
  );

  const etcd = await host.spawn('etcd', '/usr/bin/etcd', [
    '--data-dir=/var/lib/etcd-of-kubernetes',
    '--unsafe-no-fsync',
    '--listen-client-urls=http://127.0.0.1:2379',
    '--advertise-client-urls=http://127.0.0.1:2379',
    '--listen-peer-urls=http://127.0.0.1:2380',
  ]);
  const startApiServer = async () => {
    const started = await host.spawn('kube-apiserver', 'kube-apiserver', [
      '--etcd-servers=http://127.0.0.1:2379',
      '--bind-address=0.0.0.0',
      `--advertise-address=${address}`,
      '--secure-port=6443',
      `--tls-cert-file=${folder}/server.crt`,
      `--tls-private-key-file=${folder}/server.key`,
      `--client-ca-file=${folder}/ca.crt`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${folder}/tokens.pub`,
      `--service-account-signing-key-file=${folder}/tokens.key`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      `--service-cluster-ip-range=${serviceRange}`,
      '--allow-privileged=true',
      `--audit-policy-file=${folder}/audit-policy.json`,
      `--audit-log-path=${auditLog}`,
      `--kubelet-client-certificate=${folder}/kubelet-client.crt`,
      `--kubelet-client-key=${folder}/kubelet-client.key`,
      // Otherwise exec and logs look the node's name up.
      '--kubelet-preferred-address-types=InternalIP',
      // Webhooks are reached at their pods: this host has no kube-proxy.
      '--enable-aggregator-routing=true',
    ]);
    await waitFor(() => host.exec('kubectl', ...asAdmin, 'get', '--raw=/readyz'), {
      what: 'the API server to be ready',
      until: (answer) => answer === 'ok',
      limit: 120_000,
      programs: [started, etcd],
    });
    return started;
  };
  let apiServer = await startApiServer();
  const common = [
    `--kubeconfig=${folder}/admin.conf`,
    '--leader-elect=false',
    '--authentication-skip-lookup',
    '--bind-address=127.0.0.1',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ];
  const nameServer = await startNameServer(host, tools.coredns);
  const controllers = await host.spawn('kube-controller-manager', 'kube-controller-manager', [
    ...common,
    `--service-account-private-key-file=${folder}/tokens.key`,
    `--root-ca-file=${folder}/ca.crt`,
    `--service-cluster-ip-range=${serviceRange}`,
  ]);
  const scheduler = await host.spawn('kube-scheduler', 'kube-scheduler', common);
  await waitFor(
    () => host.exec('kubectl', ...asAdmin, 'get', 'serviceaccount', 'default', '--output=name'),
    {
      what: "the namespace default's ServiceAccount",
      programs: [controllers, scheduler, apiServer],
    },
  );

  await lan.useNameServer(address);

  return {
    host,
    server,
    authority,
    kubeconfigFor,
    restartApiServer: async () => {
      await apiServer.stop();
      apiServer = await startApiServer();
    },
    stop: () => stopInOrder([nameServer, scheduler, controllers, apiServer, etcd]),
  };
}

const asAdmin = [`--kubeconfig=${folder}/admin.conf`];

async function writeKeys(host: Host, authority: ClusterAuthority): Promise<void> {
  const [server, kubeletClient, tokens] = await Promise.all([
    authority.server([
      { type: 'ip', value: host.address },
      { type: 'ip', value: serviceRange.replace('0.0/16', '0.1') },
      ...['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map((value) => ({
        type: 'dns' as const,
        value,
      })),
    ]),
    authority.client('kube-apiserver-kubelet-client', 'system:masters'),
    createSigningKeys(),
  ]);
  await host.write(`${folder}/audit-policy.json`, auditPolicy);
  await host.write(`${folder}/ca.crt`, authority.certificate);
  await host.write(`${folder}/server.crt`, server.certificate);
  await host.write(`${folder}/server.key`, server.key, 0o600);
  await host.write(`${folder}/kubelet-client.crt`, kubeletClient.certificate);
  await host.write(`${folder}/kubelet-client.key`, kubeletClient.key, 0o600);
  await host.write(`${folder}/tokens.pub`, tokens.publicKey);
  await host.write(`${folder}/tokens.key`, tokens.privateKey, 0o600);
}

/** A new API server beside one that is still ending would break both: each is waited for. */
async function stopInOrder(programs: readonly Started[]): Promise<void> {
  for (const program of programs) await program.stop();
}
