import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { converse, EMPTY_SHA256, FRIEND, STRANGER, send, start } from './testing/listeners.ts';
import { trustSources } from './trusted-sources.ts';

describe('plain HTTP from a stranger', () => {
  const stranger = { localAddress: STRANGER };

  for (const method of ['GET', 'HEAD']) {
    test(`is sent to https on the same host and path for ${method}`, async () => {
      await using server = await start();
      const reply = await send(server.port, {
        ...stranger,
        method,
        path: '/v2/library/alpine/tags/list?n=3&x=%2F',
        headers: { host: 'alias.example:7000' },
      });

      assert.equal(reply.status, 308);
      assert.deepEqual(server.refusals, [308]);
      assert.equal(
        reply.headers.location,
        'https://alias.example:7000/v2/library/alpine/tags/list?n=3&x=%2F',
      );
    });
  }

  test('is answered where a load balancer may ask', async () => {
    await using server = await start();
    const reply = await send(server.port, { ...stranger, path: '/open' });
    assert.equal(reply.body, `plain GET /open ${EMPTY_SHA256}`);
  });

  const targets: [string, string, string][] = [
    ['evil.example', '/v2/', 'https://registry.example:5000/v2/'],
    ['"><script>', '/', 'https://registry.example:5000/'],
    ['alias.example', '//evil.example/x', 'https://alias.example//evil.example/x'],
    ['alias.example', 'http://evil.example/a?b', 'https://alias.example/a?b'],
    ['[::1]:5000', '/', 'https://[::1]:5000/'],
  ];
  for (const [host, target, location] of targets) {
    test(`is never led elsewhere: ${target} on ${host}`, async () => {
      await using server = await start();
      const reply = await converse(
        server.port,
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        STRANGER,
      );

      assert.match(reply, /^HTTP\/1\.1 308 /);
      assert.equal(/\r\nLocation: (.*)\r\n/.exec(reply)?.[1], location);
    });
  }

  test('is not believed when it says that it came by TLS', async () => {
    await using server = await start();
    const reply = await send(server.port, {
      ...stranger,
      headers: { host: 'alias.example', 'x-forwarded-proto': 'https', 'x-forwarded-for': FRIEND },
    });

    assert.equal(reply.status, 308);
  });

  test('is refused in a sentence for other methods, body and all, and closed', async () => {
    await using server = await start();
    const reply = await send(server.port, {
      ...stranger,
      method: 'PUT',
      path: '/v2/a/b/manifests/c',
      headers: { host: 'alias.example:5000' },
      body: randomBytes(1024 * 1024),
    });

    assert.equal(reply.status, 400);
    assert.equal(reply.headers.connection, 'close');
    const { errors } = JSON.parse(reply.body);
    assert.equal(errors[0].code, 'BAD_REQUEST');
    assert.match(
      errors[0].message,
      /^This server takes PUT requests over TLS only: send it to https:\/\/alias\.example:5000\/v2\/a\/b\/manifests\/c, or name 127\.0\.0\.2 in BERTH_TRUSTED_PROXIES/,
    );
  });

  test('is refused before its body is asked for', async () => {
    await using server = await start();
    const reply = await converse(
      server.port,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
      STRANGER,
    );

    assert.match(reply, /^HTTP\/1\.1 400 /);
  });

  test('may speak TLS', async () => {
    await using server = await start();

    assert.match((await send(server.port, { ...stranger, secure: true })).body, /^tls GET/);
  });

  test('is no stranger’s when an IPv6 socket sees loopback or a trusted IPv4 address', async () => {
    await using server = await start({ host: '::', trusts: trustSources([]) });

    assert.match((await send(server.port, stranger)).body, /^plain GET/);
  });
});
