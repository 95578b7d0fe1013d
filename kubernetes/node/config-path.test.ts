import assert from 'node:assert/strict';
import { stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readContainerdConfig } from '../containerd-config.ts';
import { certificate, registry, shells, type TestNode, testNode } from './testing/node.ts';

const file = '/etc/containerd/config.toml';
const folder = `/etc/containerd/certs.d/${registry}`;

/** A node without systemd whose containerd says that it is of `version`. */
async function nodeWith(version: string, config?: string): Promise<TestNode> {
  const node = await testNode();
  await node.process(40, { name: 'containerd', words: ['/usr/bin/containerd'] });
  await node.chroot(
    `"/usr/bin/containerd --version") echo "containerd github.com/containerd/containerd ${version} abc" ;;`,
  );
  if (config !== undefined) await node.write(file, config);
  return node;
}

const bare = 'version = 2\n# kept\n[plugins."io.containerd.grpc.v1.cri"]\n  sandbox_image = "a"\n';

for (const [name, shell] of Object.entries(shells)) {
  describe(`a containerd that looks nowhere, on a node whose shell is ${name},`, () => {
    test('is told of, and left as it is', async () => {
      await using node = await nodeWith('1.6.20', bare);
      await node.give({});
      const status = await node.round(shell);
      assert.equal(status.containerd_version, '1.6.20');
      assert.deepEqual(status.problems, [`config-path=${file}`]);
      assert.equal(await node.read(file), bare);
      assert.equal(await node.read(`${folder}/ca.crt`), certificate);
    });

    test('is changed when a setting says so, waits for its restart, and is changed back', async () => {
      await using node = await nodeWith('1.6.20', bare);
      await node.give({ setConfigPath: true });
      assert.deepEqual((await node.round(shell)).problems, ['restart=containerd']);
      const changed = (await node.read(file)) ?? '';
      assert.ok(changed.startsWith(bare));
      assert.equal(readContainerdConfig(changed).configPath, '/etc/containerd/certs.d');
      assert.deepEqual((await node.round(shell)).problems, ['restart=containerd']);
      await node.process(41, { name: 'containerd', words: ['/usr/bin/containerd'], started: 101 });
      await node.endProcess(40);
      assert.deepEqual((await node.round(shell)).problems, []);
      await node.give({ remove: true });
      assert.deepEqual((await node.round(shell)).problems, []);
      assert.equal(await node.read(file), bare);
      assert.deepEqual(await node.list(), [file]);
    });
  });
}

test('a section that is there gets the line, in the place of an empty one', async () => {
  const config =
    'version = 3\n  [plugins.\'io.containerd.cri.v1.images\'.registry]\n    config_path = ""\n[other]\nconfig_path = "x"\n';
  await using node = await nodeWith('2.1.3', config);
  await node.give({ setConfigPath: true });
  await node.round();
  assert.equal(
    await node.read(file),
    config.replace('    config_path = ""', '  config_path = "/etc/containerd/certs.d"'),
  );
});

test('a file that is missing is written, for the release that runs, and goes again', async () => {
  await using node = await nodeWith('2.1.3');
  await node.give({ setConfigPath: true });
  await node.round();
  const settings = readContainerdConfig((await node.read(file)) ?? '');
  assert.deepEqual([settings.version, settings.configPath], [3, '/etc/containerd/certs.d']);
  await node.give({ remove: true });
  await node.round();
  assert.deepEqual(await node.list(), []);
});

test('containerd 2.2 looks in its default folder, unless legacy mirrors keep it from that', async () => {
  await using node = await nodeWith('2.2.0', 'version = 3\n');
  await node.give({ setConfigPath: true });
  assert.deepEqual((await node.round()).problems, []);
  assert.equal(await node.read(file), 'version = 3\n');
  await node.write(
    file,
    'version = 3\n[plugins."io.containerd.cri.v1.images".registry.mirrors."docker.io"]\nendpoint = []\n',
  );
  assert.deepEqual((await node.round()).problems, [`legacy=${file}`]);
});

describe('what cannot be changed safely is left and told:', () => {
  const refused: Readonly<Record<string, readonly [config: string, problem: string]>> = {
    'legacy mirrors': [
      `${bare}[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\n  endpoint = ["x"]\n`,
      'legacy',
    ],
    'a file of version 1': ['[plugins.cri]\n', 'config-version'],
    'a table in one line': [`${bare}  registry = { }\n`, 'config-shape'],
  };
  for (const [what, [config, problem]] of Object.entries(refused)) {
    test(what, async () => {
      await using node = await nodeWith('1.7.2', config);
      await node.give({ setConfigPath: true });
      assert.deepEqual((await node.round()).problems, [`${problem}=${file}`]);
      assert.equal(await node.read(file), config);
    });
  }

  test('what the containerd of the node refuses to read', async () => {
    await using node = await nodeWith('1.7.2', bare);
    await node.chroot('*"config dump") exit 1 ;;\n*--version) echo "x 1.7.2" ;;');
    await node.give({ setConfigPath: true });
    assert.deepEqual((await node.round()).problems, [`config-refused=${file}`]);
    assert.equal(await node.read(file), bare);
  });
});

test('what somebody changed after us is not changed back, and told', async () => {
  await using node = await nodeWith('1.6.20', bare);
  await node.give({ setConfigPath: true });
  await node.round();
  await node.write(file, `${await node.read(file)}# later\n`);
  await node.give({ remove: true });
  const status = await node.round();
  assert.deepEqual(status.problems, [`changed=${file}`]);
  assert.match((await node.read(file)) ?? '', /# later/);
});

test('a file keeps its mode', async () => {
  await using node = await nodeWith('1.6.20', bare);
  await node.mode(file, 0o600);
  await node.give({ setConfigPath: true });
  await node.round();
  assert.equal((await stat(join(node.root, file))).mode & 0o777, 0o600);
});

test('containerd is restarted by a systemd that is mocked here', async () => {
  await using node = await nodeWith('1.6.20', bare);
  await node.write('/run/systemd/system/x', '');
  await node.chroot(
    '*--version) echo "x 1.6.20" ;;\n"systemctl --quiet is-active containerd") ;;\n"systemctl restart containerd") echo 555 >"$root/restarted" ;;',
  );
  await node.give({ setConfigPath: true });
  await node.round();
  assert.equal(await node.read('/restarted'), '555\n');
  await utimes(join(node.root, 'restarted'), new Date(0), new Date(0));
  await node.round();
  assert.equal((await stat(join(node.root, 'restarted'))).mtimeMs, 0);
});
