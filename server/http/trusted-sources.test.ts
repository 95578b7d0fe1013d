import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { trusts } from './testing/proxies.ts';
import { trustSources } from './trusted-sources.ts';

describe('trusted sources', () => {
  const cases: [string | undefined, boolean][] = [
    ['127.0.0.1', true],
    ['127.8.9.10', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['10.1.255.255', true],
    ['::ffff:10.1.0.1', true],
    ['10.2.0.1', false],
    ['::ffff:10.2.0.1', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8:1::1', true],
    ['2001:db9::1', false],
    ['fe80::1%eth0', false],
    ['', false],
    ['nonsense', false],
    [undefined, false],
  ];
  for (const [address, expected] of cases) {
    test(`${expected ? 'hold' : 'leave out'} ${address}`, () => {
      assert.equal(trusts(address), expected);
    });
  }

  test('may be written as IPv4 addresses mapped into IPv6', () => {
    assert.equal(trustSources(['::ffff:192.0.2.7'])('192.0.2.7'), true);
  });

  for (const wrong of ['', 'proxy.example', '10.0.0.0/33', '10.0.0.0/', '::/129', '1.2.3.4/8/9']) {
    test(`refuse ${JSON.stringify(wrong)} in a sentence that names the setting`, () => {
      assert.throws(
        () => trustSources([wrong]),
        (error: Error) => error.message.startsWith(`"${wrong}" in BERTH_TRUSTED_PROXIES`),
      );
    });
  }
});
