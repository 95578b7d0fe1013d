import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { run, waitFor } from '#test/processes.ts';
import { mergeProviderConfig, providerConfig } from '../credential-provider/config.ts';
import { providerName, providerScript } from '../credential-provider/script.ts';
import { lastNodeStatus } from './status.ts';
import { registry, shells, type TestNode, testNode } from './testing/node.ts';

const own = '/var/lib/berth-node/credential-provider';
const flags = [
  `--image-credential-provider-config=${own}/config.yaml`,
  `--image-credential-provider-bin-dir=${own}/bin`,
];
const kubeadm = '/var/lib/kubelet/kubeadm-flags.env';
const env = 'KUBELET_KUBEADM_ARGS="--pod-infra-container-image=pause:3"\n';
const others = `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: ecr-credential-provider # theirs
  matchImages: ["*.dkr.ecr.*.amazonaws.com"]
  defaultCacheDuration: "12h"
  apiVersion: credentialprovider.kubelet.k8s.io/v1
`;
const foreignFlags = [
  '--image-credential-provider-config=/etc/eks/config.yaml',
  '--image-credential-provider-bin-dir=/etc/eks/bin',
];

async function nodeWith(kubelet: string): Promise<TestNode> {
  const node = await testNode();
  await node.chroot(`*kubelet\\ --version) echo "Kubernetes v1.${kubelet}.3" ;;`);
  await node.process(50, { name: 'kubelet', words: ['/usr/bin/kubelet'] });
  return node;
}

async function restart(node: TestNode, pid: number, words: readonly string[]): Promise<void> {
  for (const old of [50, 51, 52, 53]) await node.endProcess(old);
  await node.process(pid, { name: 'kubelet', words: ['/usr/bin/kubelet', ...words], started: pid });
}

for (const [name, shell] of Object.entries(shells)) {
  describe(`a credential provider on a node whose shell is ${name}`, () => {
    test('is laid down, runs, and is active once the kubelet names it', async () => {
      await using node = await nodeWith('36');
      await node.give({ credentialProvider: 'install' });
      assert.equal((await node.round(shell)).provider_state, 'installed');
      const program = join(node.root, own, 'bin', providerName);
      assert.equal((await stat(program)).mode & 0o777, 0o755);
      assert.equal(await node.read(`${own}/config.yaml`), providerConfig(registry));
      const request = { image: `${registry}/team/app`, serviceAccountToken: 'a.b.c' };
      const { stdout } = await run(shell[0] ?? '', [...shell.slice(1), program], {
        input: JSON.stringify(request),
      });
      assert.deepEqual(JSON.parse(stdout).auth, {
        [registry]: { username: 'jwt', password: 'a.b.c' },
      });
      await restart(node, 51, flags);
      assert.equal((await node.round(shell)).provider_state, 'active');
    });

    test('stays as one that answers nothing while a kubelet names it, and goes after that', async () => {
      await using node = await nodeWith('36');
      await restart(node, 51, flags);
      await node.give({ credentialProvider: 'install' });
      await node.round(shell);
      await node.give({ remove: true });
      assert.equal((await node.round(shell)).provider_state, 'inert');
      assert.doesNotMatch((await node.read(`${own}/bin/${providerName}`)) ?? '', /registry=/);
      assert.equal(await node.read(`${own}/config.yaml`), providerConfig(registry));
      await restart(node, 52, []);
      assert.equal((await node.round(shell)).provider_state, 'off');
      assert.deepEqual(await node.list('/var/lib'), []);
    });

    test("has its flags set in kubeadm's file when told so, and taken out again", async () => {
      await using node = await nodeWith('36');
      await node.write(kubeadm, env);
      await node.give({ credentialProvider: 'configure' });
      const status = await node.round(shell);
      assert.deepEqual(
        [status.provider_state, status.provider_problems],
        ['installed', ['restart=kubelet']],
      );
      assert.equal(
        await node.read(kubeadm),
        `KUBELET_KUBEADM_ARGS="--pod-infra-container-image=pause:3 ${flags.join(' ')}"\n`,
      );
      await restart(node, 51, flags);
      const active = await node.round(shell);
      assert.deepEqual([active.provider_state, active.provider_problems], ['active', []]);
      await node.give({ remove: true });
      const inert = await node.round(shell);
      assert.deepEqual(
        [inert.provider_state, inert.provider_problems],
        ['inert', ['restart=kubelet']],
      );
      assert.equal(await node.read(kubeadm), env);
      await restart(node, 52, []);
      assert.equal((await node.round(shell)).provider_state, 'off');
      assert.deepEqual(await node.list('/var/lib'), [kubeadm]);
    });

    test('goes as well where somebody else changed the file with its flags, and took them out', async () => {
      await using node = await nodeWith('36');
      await node.write(kubeadm, env);
      await node.give({ credentialProvider: 'configure' });
      await node.round(shell);
      await restart(node, 51, flags);
      const changed = `${(await node.read(kubeadm)) ?? ''}# theirs\n`;
      await node.write(kubeadm, changed);
      await node.give({ remove: true });
      const inert = await node.round(shell);
      assert.deepEqual(
        [inert.provider_state, inert.provider_problems],
        ['inert', [`changed=${kubeadm}`]],
      );
      await node.write(kubeadm, `${env}# theirs\n`);
      const taken = await node.round(shell);
      assert.deepEqual([taken.provider_state, taken.provider_problems], ['inert', []]);
      await restart(node, 52, []);
      assert.equal((await node.round(shell)).provider_state, 'off');
      assert.equal(await node.read(kubeadm), `${env}# theirs\n`);
      assert.deepEqual(await node.list('/var/lib'), [kubeadm]);
    });

    test('stays while a kubelet that names it is down, which would not start without it', async () => {
      await using node = await nodeWith('36');
      await restart(node, 51, flags);
      const laid = await node.give({ credentialProvider: 'install' });
      await using script = node.start(shell);
      const says = (revision: string, state: string) =>
        waitFor(async () => lastNodeStatus(script.output()), {
          what: `the provider to be ${state}`,
          until: (status) => status?.revision === revision && status.provider_state === state,
        });
      await says(laid, 'active');
      await node.endProcess(51);
      await says(await node.give({ remove: true }), 'inert');
      await restart(node, 52, []);
      await says(await node.give({ remove: true, authorities: undefined }), 'off');
    });

    test('stands beside those of others in their file, which is given back', async () => {
      await using node = await nodeWith('36');
      await restart(node, 51, foreignFlags);
      await node.write('/etc/eks/config.yaml', others);
      await node.write('/etc/eks/bin/ecr-credential-provider', 'theirs');
      await node.give({ credentialProvider: 'install' });
      assert.equal((await node.round(shell)).provider_state, 'foreign');

      await node.give({ credentialProvider: 'configure' });
      const asking = await node.round(shell);
      assert.equal(asking.provider_state, 'merge');
      const existing = Buffer.from(asking.provider_existing, 'base64').toString();
      assert.equal(existing, others);
      const merged = mergeProviderConfig(existing, registry);
      const providerConfigs = new Map([[asking.provider_sum, merged]]);
      await node.give({ credentialProvider: 'configure', providerConfigs });
      assert.deepEqual((await node.round(shell)).provider_problems, ['restart=kubelet']);
      assert.equal(await node.read('/etc/eks/config.yaml'), merged);
      assert.equal(await node.read(`/etc/eks/bin/${providerName}`), providerScript(registry));
      await restart(node, 52, foreignFlags);
      assert.equal((await node.round(shell)).provider_state, 'active');

      await node.give({ remove: true });
      assert.equal((await node.round(shell)).provider_state, 'inert');
      assert.equal(await node.read('/etc/eks/config.yaml'), others);
      await restart(node, 53, foreignFlags);
      assert.equal((await node.round(shell)).provider_state, 'off');
      assert.deepEqual(await node.list(), [
        '/etc/eks/bin/ecr-credential-provider',
        '/etc/eks/config.yaml',
      ]);
    });
  });
}

test('a kubelet that never read its new flags lets go of the provider at once', async () => {
  await using node = await nodeWith('36');
  await node.write(kubeadm, env);
  await node.give({ credentialProvider: 'configure' });
  assert.deepEqual((await node.round()).provider_problems, ['restart=kubelet']);
  await node.give({ credentialProvider: 'off', remove: true });
  assert.equal((await node.round()).provider_state, 'off');
  assert.equal(await node.read(kubeadm), env);
  assert.deepEqual(await node.list('/var/lib'), [kubeadm]);
});

test('a kubelet before 1.34, which would not start, keeps its flags', async () => {
  await using node = await nodeWith('33');
  await node.write(kubeadm, env);
  await node.give({ credentialProvider: 'configure' });
  assert.deepEqual((await node.round()).provider_problems, ['kubelet-version=kubelet']);
  assert.equal(await node.read(kubeadm), env);
});

test('flags of others in the same file are left alone', async () => {
  await using node = await nodeWith('36');
  const taken = 'KUBELET_KUBEADM_ARGS="--image-credential-provider-config=/x"\n';
  await node.write(kubeadm, taken);
  await node.give({ credentialProvider: 'configure' });
  assert.deepEqual((await node.round()).provider_problems, [`flags=${kubeadm}`]);
  assert.equal(await node.read(kubeadm), taken);
});
