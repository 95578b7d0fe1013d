import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { canonicalHost, servedNames } from './names.ts';

describe('the served names', () => {
  test('are those of the public URL, the configured ones, the machine and its loopback', () => {
    assert.deepEqual(
      servedNames('https://Registry.Example:5000/', ['192.0.2.10', 'B.example.'], 'Machine'),
      {
        publicOrigin: 'https://registry.example:5000',
        dnsNames: ['registry.example', 'b.example', 'machine', 'localhost'],
        addresses: ['192.0.2.10', '127.0.0.1', '::1'],
      },
    );
  });

  test('hold an address that is the public URL’s, and each name once', () => {
    assert.deepEqual(
      servedNames('https://[2001:DB8::0:1]:5000', ['localhost', '::1', '127.0.0.1'], 'localhost'),
      {
        publicOrigin: 'https://[2001:db8::1]:5000',
        dnsNames: ['localhost'],
        addresses: ['2001:db8::1', '::1', '127.0.0.1'],
      },
    );
  });

  test('leave out a machine’s name that no certificate can hold', () => {
    assert.deepEqual(servedNames('https://a.example', [], 'my machine').dnsNames, [
      'a.example',
      'localhost',
    ]);
  });

  for (const wrong of [
    '',
    '*.example.com',
    'https://a.example',
    'a.example:5000',
    'a..example',
    '-a.example',
    'a b',
    '10.0.0.0/8',
    '300.1.1.1',
    'fe80::1%eth0',
    `${'a'.repeat(64)}.example`,
    'a\nb',
  ]) {
    test(`refuse ${JSON.stringify(wrong)} in a sentence that names it`, () => {
      assert.throws(
        () => servedNames('https://a.example', [wrong]),
        (error: Error) =>
          error.message.startsWith(
            `"${wrong}" in BERTH_NAMES is neither a DNS name nor an IP address`,
          ),
      );
    });
  }

  test('are at most a hundred further ones', () => {
    assert.throws(
      () => servedNames('https://a.example', Array(101).fill('b.example')),
      /at most 100/,
    );
  });
});

describe('a canonical host', () => {
  test('is its own canonical form', () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.string()), (written) => {
        const host = canonicalHost(written);
        if (host !== undefined) assert.equal(canonicalHost(host), host);
      }),
    );
  });

  test('is what a URL makes of it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.ipV4()), (written) => {
        assert.equal(canonicalHost(written), new URL(`http://${written}`).hostname);
      }),
    );
  });

  test('exists for every address, with and without brackets', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        assert.ok(canonicalHost(address) !== undefined);
        assert.equal(canonicalHost(`[${address}]`), canonicalHost(address));
      }),
    );
  });
});
