import type { Host } from '#test/hosts.ts';

/*
 * A node laid out as k3s lays one out, with the kubelet and the containerd of any other node: it
 * shows where Berth looks and what it writes there, and nothing of k3s itself.
 */

const data = '/var/lib/rancher/k3s';

/** The configuration of its containerd, with certs.d beside it. */
export const k3sContainerdFile = `${data}/agent/etc/containerd/config.toml`;

/** Berth's own among the files that k3s takes settings from at its start. */
export const k3sSettings = '/etc/rancher/k3s/config.yaml.d/berth.yaml';

/**
 * Like k3s the kubelet bears another name and title, which shows no flags first, and takes what
 * files of settings say. For bash, whose exec gives a program a title.
 */
export const k3sUnit = `trap 'kill $k3s; wait $k3s; exit' TERM
while :; do
  told=$(sed -n 's/^\\(image-credential-provider-[a-z-]*\\): "\\(.*\\)"$/--\\1=\\2/p' /etc/rancher/k3s/config.yaml.d/*.yaml 2>/dev/null)
  (exec -a '${data}/k3s server' ${data}/data/current/bin/k3s-server "$@" $told) &
  k3s=$!
  wait $k3s
  sleep 0.2
done`;

const version = `#!/bin/sh
set -- $(${data}/data/current/bin/k3s-server --version)
echo "k3s version $2+k3s1 (bed)"
`;

/** Before its containerd starts: nothing is where other nodes have it. */
export async function layOutK3s(host: Host): Promise<void> {
  await host.write(`${data}/k3s`, version, 0o755);
  await host.shell(
    `rm -rf /etc/containerd && mkdir -p ${data}/data/current/bin && ln -s "$(command -v kubelet)" ${data}/data/current/bin/k3s-server`,
  );
}
