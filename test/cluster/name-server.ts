import type { Host } from '#test/hosts.ts';
import { type Started, waitFor } from '#test/processes.ts';

/** The host's own names first, then those of Services; any other name does not exist. */
const zones = `. {
  errors
  hosts /etc/hosts {
    ttl 1
    reload 200ms
    fallthrough
  }
  kubernetes cluster.local in-addr.arpa {
    kubeconfig /etc/kubernetes/admin.conf
    pods insecure
    ttl 1
  }
  file /etc/coredns/nothing .
}
`;

/** A zone for everything, with nothing in it: what it is asked for does not exist. */
const nothing = `. 1 IN SOA localhost. root.localhost. 1 60 60 60 1
. 1 IN NS localhost.
`;

/** Starts CoreDNS on the API server's host, as the name server of hosts and pods alike. */
export async function startNameServer(host: Host, program: string): Promise<Started> {
  await host.write('/etc/coredns/Corefile', zones);
  await host.write('/etc/coredns/nothing', nothing);
  const server = await host.spawn('coredns', program, ['-conf=/etc/coredns/Corefile']);
  const name = 'kubernetes.default.svc.cluster.local';
  await waitFor(() => host.exec('busybox', 'nslookup', name, host.address), {
    what: `${name} to resolve`,
    until: (answer) => answer.includes(`Name:\t${name}`),
    programs: [server],
  });
  return server;
}
