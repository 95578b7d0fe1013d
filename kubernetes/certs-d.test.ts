import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  containerRuntimes,
  hostsToml,
  parseRegistryAddress,
  registryName,
  trustFiles,
  trustFolder,
} from './certs-d.ts';

const pem = '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n';

describe('the address of a registry', () => {
  test('is read back from the name that images have', () => {
    fc.assert(
      fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (domain, port) => {
        const host = domain.toLowerCase();
        assert.deepEqual(parseRegistryAddress(registryName({ host, port })), { host, port });
      }),
    );
  });

  test('may be typed with a scheme and a slash, and 443 is never written', () => {
    for (const text of ['reg.test', 'https://reg.test', 'HTTPS://Reg.Test:443/', 'reg.test:443']) {
      const address = parseRegistryAddress(text);
      assert.ok(address);
      assert.equal(registryName(address), 'reg.test');
    }
    assert.deepEqual(parseRegistryAddress('[FD00::1]:5000'), { host: '[fd00::1]', port: 5000 });
  });

  test('never leads out of the folder of the runtime', () => {
    const outside = [
      '',
      '..',
      '../x',
      'a/../b',
      'a/b',
      'reg:0',
      'reg:70000',
      'reg:x',
      '.',
      '-a',
      'a\n',
    ];
    for (const text of [...outside, 'a"b', "a'b", 'a;b', 'http://reg.test', 'a'.repeat(300)]) {
      assert.equal(parseRegistryAddress(text), undefined, text);
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const address = parseRegistryAddress(text);
        if (address === undefined) return;
        assert.match(trustFolder('docker', address), /^\/etc\/docker\/certs\.d\/[^/\s"'\\]+$/);
        assert.doesNotMatch(trustFolder('docker', address), /\/\.\.?$/);
      }),
    );
  });
});

describe('what makes a runtime trust a registry', () => {
  const address = { host: 'reg.test', port: 5000 };

  test('lies in a folder of that registry alone, for each runtime', () => {
    for (const runtime of containerRuntimes) {
      const folder = trustFolder(runtime, address);
      assert.match(folder, /\/certs\.d\/reg\.test:5000$/);
      for (const file of trustFiles(runtime, address, pem)) {
        assert.ok(file.path.startsWith(`${folder}/`));
      }
      assert.equal(trustFiles(runtime, address, pem)[0]?.content, pem);
    }
  });

  test('is written where the configuration of containerd says', () => {
    const paths = trustFiles('containerd', address, pem, '/etc/cri/registries').map(
      ({ path }) => path,
    );
    assert.deepEqual(paths, [
      '/etc/cri/registries/reg.test:5000/ca.crt',
      '/etc/cri/registries/reg.test:5000/hosts.toml',
    ]);
  });

  test('names the certificate at both levels of hosts.toml, and no port for 443', () => {
    assert.equal(
      hostsToml({ host: 'reg.test', port: 443 }),
      [
        'server = "https://reg.test"',
        'ca = "ca.crt"',
        '',
        '[host."https://reg.test"]',
        '  capabilities = ["pull", "resolve", "push"]',
        '  ca = "ca.crt"',
        '',
      ].join('\n'),
    );
  });
});
