import { registry, type TestNode, testNode } from './node.ts';

/** Where containerd looks for what is laid down for the registry. */
export const folder = `/etc/containerd/certs.d/${registry}`;

/** A node whose containerd reads /etc/containerd/certs.d. */
export async function containerdNode(): Promise<TestNode> {
  const node = await testNode();
  await node.process(40, { name: 'containerd', words: ['/usr/bin/containerd'] });
  await node.write(
    '/etc/containerd/config.toml',
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n',
  );
  return node;
}
