import assert from 'node:assert/strict';
import { mkdir, readdir, rm, stat, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { succeed, waitFor } from '#test/processes.ts';
import { authoritiesDigest } from './files.ts';
import { lastNodeStatus } from './status.ts';
import { certificate, registry, shells, type TestNode, testNode } from './testing/node.ts';

const folder = `/etc/containerd/certs.d/${registry}`;

const isRoot = process.getuid?.() === 0;

async function containerdNode(): Promise<TestNode> {
  const node = await testNode();
  await node.process(40, { name: 'containerd', words: ['/usr/bin/containerd'] });
  await node.write(
    '/etc/containerd/config.toml',
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n',
  );
  return node;
}

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

test("somebody else's folder with the same certificate does as well, until the certificate changes", async () => {
  await using node = await containerdNode();
  await node.write(`${folder}/ca.crt`, certificate);
  await node.give({});
  const status = await node.round();
  assert.deepEqual([status.problems, status.laid, status.kept], [[], [], [folder]]);
  await node.give({ authorities: `${certificate}${certificate}` });
  assert.deepEqual((await node.round()).problems, [`foreign=${folder}`]);
  assert.equal(await node.read(`${folder}/ca.crt`), certificate);
});

test('a folder that containerd reads before ours is told of', async () => {
  await using node = await containerdNode();
  await node.write('/etc/containerd/certs.d/reg.test_5000_/hosts.toml', '');
  await node.give({});
  assert.deepEqual((await node.round()).problems, [
    'foreign=/etc/containerd/certs.d/reg.test_5000_',
  ]);
});

test('links on the way are followed as the node follows them, and those in our place never', async () => {
  await using node = await containerdNode();
  await node.write('/opt/registries/other.test/ca.crt', 'other');
  await symlink('/opt/registries', join(node.root, 'etc/containerd/certs.d'));
  await node.give({});
  const status = await node.round();
  assert.deepEqual(status.laid, [`/opt/registries/${registry}`]);
  assert.equal(await node.read(`/opt/registries/${registry}/ca.crt`), certificate);

  await using trapped = await containerdNode();
  await trapped.write('/etc/victim/ca.crt', 'victim');
  await trapped.write('/etc/containerd/certs.d/other.test/ca.crt', 'other');
  await symlink('/etc/victim', join(trapped.root, folder));
  await trapped.give({});
  assert.deepEqual((await trapped.round()).problems, [`foreign=${folder}`]);
  assert.equal(await trapped.read('/etc/victim/ca.crt'), 'victim');

  await unlink(join(trapped.root, folder));
  await trapped.round();
  const file = join(trapped.root, folder, 'ca.crt');
  await unlink(file);
  await symlink(join(trapped.root, 'etc/victim/ca.crt'), file);
  assert.deepEqual((await trapped.round()).problems, []);
  assert.equal(await trapped.read('/etc/victim/ca.crt'), 'victim');
  assert.equal(await trapped.read(`${folder}/ca.crt`), certificate);
});

test('a loop of links is told, and ends', async () => {
  await using node = await containerdNode();
  await symlink('/etc/containerd/other', join(node.root, 'etc/containerd/certs.d'));
  await symlink('certs.d', join(node.root, 'etc/containerd/other'));
  await node.give({});
  assert.deepEqual((await node.round()).problems, ['link=/etc/containerd/certs.d']);
});

test('addresses stand in hosts.toml, without a certificate where every machine trusts it', async () => {
  await using node = await containerdNode();
  await node.give({ addresses: ['https://10.0.0.1:5443', 'https://10.0.0.2'] });
  await node.round();
  assert.equal(
    await node.read(`${folder}/hosts.toml`),
    [
      'server = "https://reg.test:5000"',
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

test('files of others that came into our folder stay in it, and are told of when it goes', async () => {
  await using node = await containerdNode();
  await node.give({});
  await node.round();
  await node.write(`${folder}/client.key`, 'theirs');
  await node.give({ remove: true });
  const status = await node.round();
  assert.deepEqual(status.problems, [`kept=${folder}`]);
  assert.deepEqual(await node.list(folder), [`${folder}/client.key`]);
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

test('a full disk is told, leaves nothing half written, and heals', { skip: !isRoot }, async () => {
  await using node = await containerdNode();
  const folderOfAll = join(node.root, 'etc/containerd/certs.d');
  await mkdir(folderOfAll);
  await succeed('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', folderOfAll]);
  try {
    await node.give({ authorities: certificate.repeat(500) });
    const status = await node.round();
    assert.match(status.problems.join(), /^unwritable=.*\/ca\.crt$/);
    assert.deepEqual(await node.list(folder), [`${folder}/.berth`]);
    await node.give({});
    assert.deepEqual((await node.round()).problems, []);
    await node.give({ authorities: certificate.repeat(500) });
    await node.round();
    assert.equal(await node.read(`${folder}/ca.crt`), certificate);
  } finally {
    await succeed('umount', [folderOfAll]);
  }
});

test('what stands where a folder has to be is told, and left', async () => {
  await using node = await containerdNode();
  await node.write('/etc/containerd/certs.d', 'a file');
  await node.give({});
  assert.deepEqual((await node.round()).problems, [`unwritable=${folder}`]);
  assert.equal(await node.read('/etc/containerd/certs.d'), 'a file');
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

describe('a script that goes on', { concurrency: true }, () => {
  test('puts back what a runtime cleared or somebody changed, and follows new files', async () => {
    await using node = await containerdNode();
    await node.give({});
    await using script = node.start();
    const lies = (content: string) =>
      waitFor(() => node.read(`${folder}/ca.crt`), {
        what: 'the certificate',
        until: (text) => text === content,
      });
    await lies(certificate);
    // The script may still be writing in there.
    await rm(join(node.root, 'etc/containerd/certs.d'), { recursive: true, maxRetries: 10 });
    await lies(certificate);
    await writeFile(join(node.root, folder, 'ca.crt'), 'changed');
    await utimes(join(node.root, folder, 'ca.crt'), new Date(), new Date(Date.now() + 5_000));
    await lies(certificate);
    const revision = await node.give({ authorities: `${certificate}#next\n` });
    await lies(`${certificate}#next\n`);
    await waitFor(async () => lastNodeStatus(script.output())?.revision, {
      what: 'its word for it',
      until: (told) => told === revision,
    });
  });

  test('says a thing once, and ends at once when told', async () => {
    await using node = await containerdNode();
    await node.give({});
    const script = node.start();
    await waitFor(async () => script.output(), { what: 'its first line' });
    await rm(join(node.root, folder), { recursive: true, maxRetries: 10 });
    await waitFor(() => node.read(`${folder}/ca.crt`), { what: 'the certificate' });
    const started = performance.now();
    await script.stop();
    assert.ok(performance.now() - started < 2_000);
    assert.equal(script.output().trim().split('\n').length, 1);
  });
});
