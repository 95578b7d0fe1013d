import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, test } from 'node:test';
import { PROXY, STRANGER, seen, served } from './testing/proxies.ts';

describe('the origin and client of a request', () => {
  const direct: [string, string, IncomingHttpHeaders, boolean, string][] = [
    [
      'by the public name',
      STRANGER,
      { host: 'registry.example:5000' },
      true,
      'https://registry.example:5000',
    ],
    [
      'in capitals with a final dot',
      STRANGER,
      { host: 'Registry.Example.:5000' },
      true,
      'https://registry.example:5000',
    ],
    [
      'by another configured name',
      STRANGER,
      { host: 'alias.example:7000' },
      true,
      'https://alias.example:7000',
    ],
    ['by an address', STRANGER, { host: '10.0.0.9:5000' }, true, 'https://10.0.0.9:5000'],
    ['by the loopback address', '127.0.0.1', { host: '[::1]:5000' }, false, 'http://[::1]:5000'],
    [
      'by the default port',
      STRANGER,
      { host: 'registry.example:443' },
      true,
      'https://registry.example',
    ],
    ['by a name that is not served', STRANGER, { host: 'evil.example' }, true, served.publicOrigin],
    ['without a host', STRANGER, {}, true, served.publicOrigin],
    [
      'with a host of nonsense',
      STRANGER,
      { host: 'registry.example:5000/x' },
      true,
      served.publicOrigin,
    ],
    [
      'with a user in the host',
      STRANGER,
      { host: 'a@registry.example' },
      true,
      served.publicOrigin,
    ],
    [
      'with a port that is none',
      STRANGER,
      { host: 'registry.example:70000' },
      true,
      served.publicOrigin,
    ],
    [
      'with an endless host',
      STRANGER,
      { host: `${'a.'.repeat(200)}example` },
      true,
      served.publicOrigin,
    ],
  ];
  for (const [what, address, headers, encrypted, origin] of direct) {
    test(`that comes ${what}: ${origin}`, () => {
      assert.deepEqual(seen(address, headers, encrypted), { origin, client: address });
    });
  }

  const host = 'alias.example';
  const forwarded: [string, string, IncomingHttpHeaders, string, string][] = [
    [
      'the X- headers of a trusted proxy count',
      PROXY,
      {
        host,
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'registry.example:5000',
        'x-forwarded-for': STRANGER,
      },
      'https://registry.example:5000',
      STRANGER,
    ],
    [
      'the X- headers of a stranger do not',
      STRANGER,
      {
        host,
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'registry.example',
        'x-forwarded-for': '1.2.3.4',
      },
      'http://alias.example',
      STRANGER,
    ],
    [
      'Forwarded of a trusted proxy counts',
      PROXY,
      { host, forwarded: 'for=203.0.113.9;proto=https;host="registry.example:5000"' },
      'https://registry.example:5000',
      STRANGER,
    ],
    [
      'Forwarded of a stranger does not',
      STRANGER,
      { host, forwarded: 'for=1.2.3.4;proto=https;host=registry.example' },
      'http://alias.example',
      STRANGER,
    ],
    [
      'Forwarded may quote, name ports and IPv6, and use capitals',
      PROXY,
      { host, forwarded: 'For="[2001:DB9::9]:4711" ; Proto=HTTPS ; by=_x' },
      'https://alias.example',
      '2001:DB9::9',
    ],
    [
      'a Forwarded that a client slipped past a proxy with X- headers is ignored',
      PROXY,
      { host, forwarded: 'for=1.2.3.4;host=10.0.0.9', 'x-forwarded-for': STRANGER },
      'http://alias.example',
      STRANGER,
    ],
    [
      'of several addresses the nearest stranger is the client',
      PROXY,
      { host, 'x-forwarded-for': `1.2.3.4, ${STRANGER}, 10.1.0.2, 192.0.2.7:99` },
      'http://alias.example',
      STRANGER,
    ],
    [
      'a chain of trusted proxies only ends at the outermost',
      PROXY,
      { host, forwarded: 'for=10.1.0.8, for="[2001:db8::1]"' },
      'http://alias.example',
      '10.1.0.8',
    ],
    [
      'an unknown or hidden client leaves the proxy’s address',
      PROXY,
      { host, forwarded: 'for=1.2.3.4, for=_hidden;proto=https' },
      'https://alias.example',
      PROXY,
    ],
    [
      'an unreadable address ends the chain',
      PROXY,
      { host, 'x-forwarded-for': `${STRANGER}, nonsense, 10.1.0.2` },
      'http://alias.example',
      '10.1.0.2',
    ],
    [
      'of proxies that append, the outermost trusted one tells the scheme',
      PROXY,
      { host, 'x-forwarded-for': `${STRANGER}, 10.1.0.2`, 'x-forwarded-proto': 'https, http' },
      'https://alias.example',
      STRANGER,
    ],
    [
      'what a stranger wrote before an appending proxy is ignored',
      PROXY,
      { host, 'x-forwarded-for': `1.2.3.4, ${STRANGER}`, 'x-forwarded-proto': 'http, https' },
      'https://alias.example',
      STRANGER,
    ],
    [
      'a port stands in where the host has none',
      PROXY,
      { host, 'x-forwarded-proto': 'https', 'x-forwarded-port': '8443' },
      'https://alias.example:8443',
      PROXY,
    ],
    [
      'the host’s own port is preferred to the proxy’s',
      PROXY,
      { host: 'alias.example:7000', 'x-forwarded-proto': 'https', 'x-forwarded-port': '8443' },
      'https://alias.example:7000',
      PROXY,
    ],
    [
      'a proxy’s inner port does not replace the public URL’s',
      PROXY,
      { host: 'registry.example', 'x-forwarded-proto': 'https', 'x-forwarded-port': '8443' },
      'https://registry.example',
      PROXY,
    ],
    [
      'a stranger’s mapped address reads as IPv4',
      `::ffff:${STRANGER}`,
      { host },
      'http://alias.example',
      STRANGER,
    ],
    [
      'a hostile scheme is ignored',
      PROXY,
      { host, 'x-forwarded-proto': 'javascript:', forwarded: 'proto=javascript' },
      'http://alias.example',
      PROXY,
    ],
    [
      'a hostile host is ignored',
      PROXY,
      { host, 'x-forwarded-host': 'registry.example\r\nSet-Cookie: a=b' },
      'http://alias.example',
      PROXY,
    ],
    [
      'a host that is not served yields to the public URL',
      PROXY,
      { host, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' },
      served.publicOrigin,
      PROXY,
    ],
    [
      'a malformed Forwarded is ignored whole',
      PROXY,
      { host, forwarded: 'proto=https;for="1.2.3.4' },
      'http://alias.example',
      PROXY,
    ],
    [
      'an empty list changes nothing',
      PROXY,
      { host, 'x-forwarded-for': '', 'x-forwarded-proto': ',,', forwarded: '' },
      'http://alias.example',
      PROXY,
    ],
  ];
  for (const [what, address, headers, origin, client] of forwarded) {
    test(what, () => {
      assert.deepEqual(seen(address, headers), { origin, client });
    });
  }
});
