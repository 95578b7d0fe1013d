import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { findTargets, inspectContainerd } from './runtimes.ts';
import { findSystemStore } from './system-store.ts';

/** A file system with `files` in it. */
async function root(files: Readonly<Record<string, string>>) {
  const path = await mkdtemp(join(tmpdir(), 'berth-machine-'));
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), content);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const config = '/etc/containerd/config.toml';
const section = `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n`;

describe('what a machine has', () => {
  test('is found by programs and by folders, in an order of its own', async () => {
    await using empty = await root({});
    assert.deepEqual(await findTargets(empty.path, ''), []);
    await using node = await root({
      '/opt/bin/containerd': '',
      '/etc/docker/daemon.json': '{}',
      '/usr/bin/podman': '',
      '/usr/sbin/update-ca-certificates': '',
    });
    assert.deepEqual(await findTargets(node.path, '/opt/bin:/bin'), [
      'docker',
      'containerd',
      'podman',
      'system',
    ]);
    assert.deepEqual(await findTargets(node.path, '/bin'), ['docker', 'podman', 'system']);
  });

  test('has the store of Debian, of Fedora, or none', async () => {
    await using debian = await root({ '/usr/sbin/update-ca-certificates': '' });
    const store = await findSystemStore(debian.path);
    assert.equal(store?.folder, '/usr/local/share/ca-certificates');
    await using fedora = await root({ '/usr/bin/update-ca-trust': '' });
    const other = await findSystemStore(fedora.path);
    assert.equal(other?.folder, '/etc/pki/ca-trust/source/anchors');
    await using empty = await root({});
    assert.equal(await findSystemStore(empty.path), undefined);
  });
});

describe('containerd', () => {
  test('that names a config_path is given the files there', async () => {
    await using node = await root({ [config]: `${section}config_path = "/srv/certs.d"\n` });
    assert.deepEqual(await inspectContainerd(node.path, undefined), { configPath: '/srv/certs.d' });
  });

  test('of k3s and RKE2 is given the files where it looks itself', async () => {
    for (const name of ['k3s', 'rke2']) {
      const folder = `/var/lib/rancher/${name}/agent/etc/containerd`;
      const file = `${folder}/config.toml`;
      const text = `version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = "${folder}/certs.d"\n`;
      await using node = await root({ [file]: text, [config]: 'version = 2\n' });
      assert.deepEqual(await findTargets(node.path, ''), ['containerd']);
      const found = await inspectContainerd(node.path, 'containerd x v1.6.20 abc');
      assert.deepEqual(found, { configPath: `${folder}/certs.d` });
      await using older = await root({ [file]: 'version = 2\n' });
      const { missing } = await inspectContainerd(older.path, undefined);
      assert.match(missing ?? '', /template "base"/);
    }
  });

  test('from 2.2 on looks in the usual place by itself, unless it is told not to', async () => {
    await using silent = await root({ [config]: 'version = 3\n' });
    await using bare = await root({});
    for (const { path } of [silent, bare]) {
      const version = 'containerd github.com/containerd/containerd/v2 v2.2.0 abc';
      assert.equal((await inspectContainerd(path, version)).missing, undefined);
    }
    await using emptied = await root({ [config]: `${section}config_path = ""\n` });
    const { missing } = await inspectContainerd(emptied.path, 'containerd x v2.4.2');
    assert.match(missing ?? '', /does not look/);
  });

  test('that does not look there is told of with the lines that its version reads', async () => {
    await using old = await root({ [config]: 'version = 2\n' });
    const first = await inspectContainerd(old.path, 'containerd github.com/x 1.6.20 abc');
    assert.match(first.missing ?? '', /grpc\.v1\.cri"\.registry\]\n {2}config_path/);
    assert.match(first.missing ?? '', /restart containerd/);
    await using recent = await root({ [config]: 'version = 3\n' });
    const second = await inspectContainerd(recent.path, 'containerd x v2.1.4 abc');
    assert.match(second.missing ?? '', /cri\.v1\.images"\.registry\]/);
    await using bare = await root({});
    const third = await inspectContainerd(bare.path, undefined);
    assert.match(third.missing ?? '', /^version = 2$/m);
  });

  test('with mirrors of the older form is told that they exclude config_path', async () => {
    const mirrors = `${section.replace('.registry]', '.registry.mirrors."docker.io"]')}`;
    await using node = await root({ [config]: mirrors });
    assert.match(
      (await inspectContainerd(node.path, undefined)).missing ?? '',
      /registry\.mirrors/,
    );
  });
});
