import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { configPathLines, readContainerdConfig } from './containerd-config.ts';

for (const version of [2, 3]) {
  test(`the lines that are recommended for version ${version} are the ones that are read`, () => {
    const text = `version = ${version}\n\n${configPathLines(version, '/etc/containerd/certs.d')}\n`;
    assert.deepEqual(readContainerdConfig(text), {
      configPath: '/etc/containerd/certs.d',
      version,
      hasLegacyRegistries: false,
    });
  });
}

test('single quotes, indents, comments and other sections are as containerd writes them', () => {
  const text = `
version = 3
[plugins]
  [plugins.'io.containerd.cri.v1.images']
    snapshotter = 'overlayfs'
    [plugins.'io.containerd.cri.v1.images'.registry]
      config_path = '/a/certs.d:/b/certs.d' # two
  [plugins.'io.containerd.other']
    config_path = '/not/this'
`;
  assert.equal(readContainerdConfig(text).configPath, '/a/certs.d');
});

test('an empty config_path is told from none', () => {
  assert.equal(readContainerdConfig('version = 2').configPath, undefined);
  const text = `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = ""\n`;
  assert.equal(readContainerdConfig(text).configPath, '');
});

test('the older mirrors and configs, which exclude config_path, are noticed', () => {
  const registry = 'plugins."io.containerd.grpc.v1.cri".registry';
  for (const section of [`${registry}.mirrors."docker.io"`, `${registry}.configs."r:1".tls`]) {
    assert.ok(readContainerdConfig(`version = 2\n[${section}]\n`).hasLegacyRegistries);
  }
});

test('any text is read without an exception', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.ok(readContainerdConfig(text).version >= 0);
    }),
  );
});
