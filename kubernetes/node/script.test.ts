import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { authoritiesDigest } from './files.ts';
import { containerdNode, folder } from './testing/containerd-node.ts';
import { certificate, registry, shells, testNode } from './testing/node.ts';

for (const [name, shell] of Object.entries(shells)) {
  describe(`on a node whose shell is ${name}`, () => {
    test('files are laid down for every runtime that is there, and told', async () => {
      await using node = await containerdNode();
      await node.process(41, { name: 'dockerd', words: ['/usr/bin/dockerd'] });
      await node.write('/etc/containers/policy.json', '{}');
      const revision = await node.give({});
      const status = await node.round(shell);
      assert.equal(status.revision, revision);
      assert.equal(status.authorities, authoritiesDigest(certificate));
      assert.deepEqual(status.problems, []);
      assert.equal(status.config_path, '/etc/containerd/certs.d');
      for (const path of [
        folder,
        `/etc/docker/certs.d/${registry}`,
        `/etc/containers/certs.d/${registry}`,
      ]) {
        assert.ok(status.laid.includes(path));
        assert.equal(await node.read(`${path}/ca.crt`), certificate);
        assert.equal((await stat(join(node.root, path, 'ca.crt'))).mode & 0o777, 0o644);
      }
      assert.match(
        (await node.read(`${folder}/hosts.toml`)) ?? '',
        /^server = "https:\/\/reg.test:5000"\nca/,
      );
      assert.equal(await node.read(`/etc/docker/certs.d/${registry}/hosts.toml`), undefined);
    });

    test('everything of ours goes again, with the folders that were made for it', async () => {
      await using node = await containerdNode();
      await node.write('/etc/docker/daemon.json', '{}');
      const before = await node.list();
      await node.give({});
      await node.round(shell);
      assert.notDeepEqual(await node.list(), before);
      await node.give({ remove: true });
      const status = await node.round(shell);
      assert.deepEqual([status.mode, status.laid, status.problems], ['remove', [], []]);
      assert.deepEqual(await node.list(), before);
      assert.deepEqual(await readdir(join(node.root, 'etc/docker')), ['daemon.json']);
      assert.deepEqual(await readdir(join(node.root, 'var/lib')), []);
    });

    test('what containerd was told by its flag and by imports is read', async () => {
      await using node = await testNode();
      await node.process(7, {
        name: 'containerd',
        words: ['containerd', '--config', '/opt/c/main.toml', '--state', '/run/c'],
      });
      await node.write(
        '/opt/c/main.toml',
        'version = 3 # new\nimports = [\n  "/etc/c.d/*.toml",\n  "more.toml" ]\n[plugins]\n',
      );
      await node.write(
        '/etc/c.d/10-registry.toml',
        "[plugins.'io.containerd.cri.v1.images'.registry]\n\tconfig_path = '/etc/cri/certs.d:/etc/docker/certs.d' # two\n",
      );
      await node.write('/opt/c/more.toml', '[plugins."io.containerd.cri.v1.images".registry]\n');
      await node.give({});
      const status = await node.round(shell);
      assert.equal(status.containerd_file, '/opt/c/main.toml');
      assert.equal(status.config_version, '3');
      assert.equal(status.config_path, '/etc/cri/certs.d');
      assert.deepEqual(status.laid, [`/etc/cri/certs.d/${registry}`]);
      assert.equal(status.config_owner, '/opt/c/more.toml');
    });

    test('a folder that somebody else made is left alone, and told', async () => {
      await using node = await containerdNode();
      await node.write(`${folder}/hosts.toml`, 'server = "https://mirror.test"\n');
      await node.give({});
      const status = await node.round(shell);
      assert.deepEqual(status.problems, [`foreign=${folder}`]);
      assert.deepEqual(await node.list(folder), [`${folder}/hosts.toml`]);
      await node.give({ remove: true });
      await node.round(shell);
      assert.deepEqual(await node.list(folder), [`${folder}/hosts.toml`]);
    });
  });
}

test('addresses stand in hosts.toml, without a certificate where every machine trusts it', async () => {
  await using node = await containerdNode();
  await node.give({ addresses: ['https://10.0.0.1:5443', 'https://10.0.0.2'] });
  await node.round();
  assert.equal(
    await node.read(`${folder}/hosts.toml`),
    [
      'server = "https://10.0.0.1:5443"',
      'ca = "ca.crt"',
      ...['https://10.0.0.1:5443', 'https://10.0.0.2'].flatMap((host) => [
        '',
        `[host."${host}"]`,
        '  capabilities = ["pull", "resolve", "push"]',
        '  ca = "ca.crt"',
      ]),
      '',
    ].join('\n'),
  );
  await node.give({ addresses: ['https://10.0.0.1:5443'], authorities: undefined });
  const status = await node.round();
  assert.equal(status.authorities, 'none');
  assert.deepEqual(await node.list(folder), [`${folder}/.berth`, `${folder}/hosts.toml`]);
  assert.doesNotMatch((await node.read(`${folder}/hosts.toml`)) ?? '', /ca =/);
  await node.give({ authorities: undefined });
  await node.round();
  assert.deepEqual(await node.list('/etc/containerd'), ['/etc/containerd/config.toml']);
});

test('a certs.d that moves takes our folder along', async () => {
  await using node = await containerdNode();
  await node.give({});
  await node.round();
  await node.write(
    '/etc/containerd/config.toml',
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/elsewhere"\n',
  );
  await node.round();
  assert.equal(await node.read(`${folder}/ca.crt`), undefined);
  assert.equal(await node.read(`/etc/elsewhere/${registry}/ca.crt`), certificate);
});

test('a hostile node cannot break the line or lead the script out', async () => {
  await using node = await testNode();
  const hostile = '/etc/$(touch x)`touch y`","z":"\\';
  await node.process(9, {
    name: 'containerd',
    words: ['/usr/bin/containerd', '--config=/etc/c.toml'],
  });
  await node.process(10, { name: '"}\n{', words: ['"', '\\', '$(touch x)'] });
  await node.write(
    '/etc/c.toml',
    `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = '${hostile}'\n${'x'.repeat(9_000)}\n`,
  );
  await node.give({});
  const status = await node.round();
  assert.equal(status.config_path, '?');
  assert.deepEqual(status.problems, ['config-path=/etc/c.toml']);
  assert.deepEqual(await node.list(), ['/etc/c.toml']);
});

test('two runs at once leave what one would', async () => {
  await using node = await containerdNode();
  await node.give({});
  const statuses = await Promise.all(Array.from({ length: 6 }, () => node.round()));
  await node.round();
  assert.ok(statuses.every(({ berth }) => berth === 1));
  assert.deepEqual(await node.list(folder), [
    `${folder}/.berth`,
    `${folder}/ca.crt`,
    `${folder}/hosts.toml`,
  ]);
});
