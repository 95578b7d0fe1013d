import assert from 'node:assert/strict';
import { mkdir, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { succeed } from '#test/processes.ts';
import { containerdNode, folder } from '../testing/containerd-node.ts';
import { certificate, registry } from '../testing/node.ts';

const isRoot = process.getuid?.() === 0;

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
