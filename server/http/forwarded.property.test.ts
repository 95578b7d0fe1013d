import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { receivedRequest } from './forwarded.ts';
import { PROXY, STRANGER, seen, served, trusts } from './testing/proxies.ts';

describe('whatever the headers hold', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webAuthority(),
    fc.constantFrom('for=', 'proto=https', 'host="', '\\', ',', ';', '[::1]:1', 'registry.example'),
  );
  const headers = fc
    .record(
      {
        host: anything,
        forwarded: fc.array(anything).map((parts) => parts.join('')),
        'x-forwarded-for': fc.array(fc.oneof(anything, fc.ipV4(), fc.ipV6())).map(String),
        'x-forwarded-host': anything,
        'x-forwarded-proto': fc.oneof(anything, fc.constantFrom('http', 'https')),
        'x-forwarded-port': fc.oneof(anything, fc.nat().map(String)),
      },
      { requiredKeys: [] },
    )
    .map((record) => record as IncomingHttpHeaders);

  test('the origin is one of the served hosts, well-formed and printable', () => {
    fc.assert(
      fc.property(headers, fc.constantFrom(PROXY, STRANGER), fc.boolean(), (given, from, tls) => {
        const { origin } = seen(from, given, tls);
        const url = new URL(origin);
        assert.equal(url.origin, origin);
        const name = url.hostname.replace(/^\[(.*)\]$/, '$1');
        assert.ok(served.dnsNames.includes(name) || served.addresses.includes(name), origin);
      }),
      { numRuns: 1000 },
    );
  });

  test('a stranger is its own client and chooses no scheme', () => {
    fc.assert(
      fc.property(headers, fc.boolean(), (given, tls) => {
        const received = receivedRequest(STRANGER, tls, given, trusts);
        assert.equal(received.clientAddress, STRANGER);
        assert.equal(received.scheme, tls ? 'https' : 'http');
      }),
    );
  });
});
