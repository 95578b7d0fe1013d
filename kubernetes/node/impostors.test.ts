import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProcessDescription } from './testing/node.ts';
import { registry, shells, testNode } from './testing/node.ts';

const folder = `/etc/containerd/certs.d/${registry}`;

/** What anybody may make a process in a pod look like, but for where it runs. */
const disguise = {
  name: 'containerd',
  words: ['/var/lib/kubelet/pods/1/volumes/tool', '--config', '/var/lib/kubelet/pods/1/evil.toml'],
};
const shim = { name: 'containerd-shim', words: ['/usr/bin/containerd-shim-runc-v2'] };

const impostors: Readonly<Record<string, Partial<ProcessDescription>>> = {
  'numbers its processes by itself, as pods do': { nested: 1, parent: 90 },
  'is of another user': { user: 1_000 },
  'sees the processes of the node, and runs in a container': { parent: 90 },
  'runs in a container, below a process of its own': { parent: 91 },
};

for (const [name, shell] of Object.entries(shells)) {
  describe(`on a node whose shell is ${name}, a process named as the runtime`, () => {
    for (const [what, impostor] of Object.entries(impostors)) {
      test(`that ${what} decides nothing and is run by nobody`, async () => {
        await using node = await testNode();
        await node.process(40, { name: 'containerd', words: ['/usr/bin/containerd'] });
        await node.process(90, shim);
        await node.process(91, { name: 'sh', words: ['sh'], parent: 90, nested: 1 });
        await node.process(99, { ...disguise, ...impostor });
        await node.write('/etc/containerd/config.toml', 'version = 3\n');
        await node.write(
          '/var/lib/kubelet/pods/1/evil.toml',
          'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "/var/evil"\n',
        );
        await node.chroot(`'/usr/bin/containerd --version') echo containerd v2.4.2 ;;
*tool*) touch "$root/etc/was-run" ;;`);
        await node.give({});
        const status = await node.round(shell);
        assert.equal(status.containerd_version, '2.4.2');
        assert.equal(status.containerd_file, '/etc/containerd/config.toml');
        assert.deepEqual(status.laid, [folder]);
        assert.equal(await node.read('/etc/was-run'), undefined);
      });
    }
  });
}

describe('a process named as the kubelet', () => {
  const places = [
    '--image-credential-provider-config=/etc/shadow',
    '--image-credential-provider-bin-dir=/etc/cron.d',
  ];

  for (const [what, impostor] of Object.entries(impostors)) {
    test(`that ${what} says nothing of where its credential providers are`, async () => {
      await using node = await testNode();
      await node.process(30, { name: 'kubelet', words: ['/usr/bin/kubelet'] });
      await node.process(90, shim);
      await node.process(91, { name: 'sh', words: ['sh'], parent: 90, nested: 1 });
      await node.process(99, { name: 'kubelet', words: ['/tmp/kubelet', ...places], ...impostor });
      await node.write('/etc/shadow', 'root:secret\n');
      await node.write('/var/lib/kubelet/kubeadm-flags.env', 'KUBELET_KUBEADM_ARGS="--v=2"\n');
      await node.chroot(`'/usr/bin/kubelet --version') echo Kubernetes v1.36.3 ;;
*) touch "$root/etc/was-run" ;;`);
      await node.give({ credentialProvider: 'configure' });
      const status = await node.round();
      assert.equal(status.provider_config, '');
      assert.equal(status.provider_existing, '');
      assert.equal(await node.read('/etc/shadow'), 'root:secret\n');
      assert.equal(await node.read('/etc/was-run'), undefined);
    });
  }

  test('that ended while it was looked at is none', async () => {
    await using node = await testNode();
    await node.process(99, { ...disguise, parent: 98 });
    await node.give({});
    const status = await node.round();
    assert.equal(status.containerd_file, '');
  });
});
