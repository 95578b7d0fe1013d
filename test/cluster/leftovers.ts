import { existsSync } from 'node:fs';
import type { Host } from '#test/hosts.ts';
import { waitFor } from '#test/processes.ts';
import type { Bed } from './bed.ts';

const kinds = [
  ...['namespaces', 'serviceaccounts', 'secrets', 'configmaps', 'services', 'resourcequotas'],
  ...['deployments', 'daemonsets', 'pods', 'leases', 'roles', 'rolebindings'],
  ...['clusterroles', 'clusterrolebindings', 'mutatingwebhookconfigurations'],
  ...['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
].join(',');

/** Until no object in the cluster bears Berth's name. */
export async function untilNoObjectIsLeft({ operator }: Bed): Promise<void> {
  const ours = `kubectl get ${kinds} --all-namespaces --no-headers --output=custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name | grep berth || true`;
  await waitFor(() => operator.type(ours), {
    what: 'the last objects to be gone',
    until: (left) => left === '',
  });
}

/** Until no file on a node bears Berth's name. */
export async function untilNoFileIsLeft({ cluster }: Bed): Promise<void> {
  for (const { host } of cluster.nodes) {
    await waitFor(() => filesOfBerth(host), {
      what: `the last files on ${host.name} to be gone`,
      until: (left) => left.length === 0,
    });
  }
}

/** Those that the host does not share with the machine that it stands on. */
async function filesOfBerth(host: Host): Promise<readonly string[]> {
  const found = await host.shell("find /etc /var/lib /opt -xdev -iname '*berth*'");
  return found.split('\n').filter((path) => path !== '' && !existsSync(path));
}
