import type { Host } from '#test/hosts.ts';
import { type Started, waitFor } from '#test/processes.ts';

/** The host's own names first, then those of Services; any other name does not exist. */
const zones = `. {
  errors
  hosts /etc/hosts {
    ttl 1
    reload 200ms
    fallthrough cluster.local in-addr.arpa
  }
  kubernetes cluster.local in-addr.arpa {
    kubeconfig /etc/kubernetes/admin.conf
    pods insecure
    ttl 1
  }
}
`;

/** Starts CoreDNS on the API server's host, as the name server of hosts and pods alike. */
export async function startNameServer(host: Host, program: string): Promise<Started> {
  await host.write('/etc/coredns/Corefile', zones);
  const server = await host.spawn('coredns', program, ['-conf=/etc/coredns/Corefile']);
  const name = 'kubernetes.default.svc.cluster.local';
  await waitFor(() => host.exec('busybox', 'nslookup', name, host.address), {
    what: `${name} to resolve`,
    until: (answer) => answer.includes(`Name:\t${name}`),
    programs: [server],
  });
  return server;
}
