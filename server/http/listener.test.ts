import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { describe, test } from 'node:test';
import {
  converse,
  describeRequest,
  EMPTY_SHA256,
  FRIEND,
  secureConnection,
  send,
  start,
} from './testing/listeners.ts';

describe('one port', () => {
  test('answers TLS and plain HTTP with the same handler', async () => {
    await using server = await start();

    const plain = await send(server.port, { path: '/v2/' });
    const secure = await send(server.port, { path: '/v2/', secure: true });

    assert.equal(plain.body, `plain GET /v2/ ${EMPTY_SHA256}`);
    assert.equal(secure.body, `tls GET /v2/ ${EMPTY_SHA256}`);
  });

  test('loses no byte of a large body, over TLS and in plain', async () => {
    await using server = await start();
    const body = randomBytes(8 * 1024 * 1024);
    const digest = createHash('sha256').update(body).digest('hex');

    for (const secure of [false, true]) {
      const reply = await send(server.port, { method: 'PUT', path: '/b', secure, body });
      assert.equal(reply.body, `${secure ? 'tls' : 'plain'} PUT /b ${digest}`);
    }
  });

  test('understands clients whose first byte travels alone', async () => {
    await using server = await start();
    const relay = net.createServer((client) => {
      const upstream = net.connect({ host: FRIEND, port: server.port, noDelay: true });
      client.once('data', (first: Buffer) => {
        upstream.write(first.subarray(0, 1), () => {
          setImmediate(() => {
            upstream.write(first.subarray(1));
            client.pipe(upstream);
          });
        });
      });
      upstream.pipe(client);
      for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
    });
    relay.listen(0, FRIEND);
    await once(relay, 'listening');
    const { port } = relay.address() as net.AddressInfo;
    try {
      assert.match((await send(port)).body, /^plain GET/);
      assert.match((await send(port, { secure: true })).body, /^tls GET/);
    } finally {
      relay.close();
    }
  });

  test('keeps a connection for the next request, over TLS and in plain', async () => {
    await using server = await start();
    for (const [secure, module] of [
      [false, http],
      [true, https],
    ] as const) {
      const agent = new module.Agent({ keepAlive: true, maxSockets: 1 });
      const ports = new Set<number | undefined>();
      for (let request = 0; request < 3; request += 1) {
        const { body } = await send(server.port, {
          secure,
          agent,
          path: `/${request}`,
          headers: { host: 'localhost' },
        });
        ports.add(Object.values(agent.freeSockets)[0]?.[0]?.localPort);
        assert.match(body, new RegExp(`GET /${request} `));
      }
      agent.destroy();
      assert.equal(ports.size, 1);
    }
  });

  test('holds the request’s body back until the handler wants it', async () => {
    const seen: boolean[] = [];
    await using server = await start({
      onRequest(request, response, continueExpected) {
        seen.push(continueExpected);
        if (request.url === '/refused') {
          response.writeHead(401, { 'Content-Length': 0 }).end();
        } else {
          if (continueExpected) response.writeContinue();
          describeRequest(request, response);
        }
      },
    });
    const headers = { Expect: '100-continue', 'Content-Length': 4 };

    const refused = http.request({
      host: FRIEND,
      port: server.port,
      path: '/refused',
      method: 'PUT',
      headers,
    });
    refused.on('continue', () => assert.fail('the body was asked for'));
    refused.flushHeaders();
    const [refusal] = (await once(refused, 'response')) as [IncomingMessage];
    refused.on('error', () => {});
    refused.destroy();
    assert.equal(refusal.statusCode, 401);

    const wanted = http.request({
      host: FRIEND,
      port: server.port,
      path: '/wanted',
      method: 'PUT',
      headers,
      agent: false,
    });
    wanted.flushHeaders();
    await once(wanted, 'continue');
    wanted.end('body');
    const [response] = (await once(wanted, 'response')) as [IncomingMessage];
    assert.match(
      Buffer.concat(await response.toArray()).toString(),
      new RegExp(createHash('sha256').update('body').digest('hex')),
    );
    await send(server.port);
    assert.deepEqual(seen, [true, true, false]);
  });
});

describe('a connection', () => {
  test('that says nothing is closed', async () => {
    await using server = await start({ limits: { silence: 50 } });

    assert.equal(await converse(server.port, ''), '');
  });

  test('that has spoken is not closed by the limit on silence', async () => {
    await using server = await start({ limits: { silence: 50 } });
    const socket = net.connect({ host: FRIEND, port: server.port });
    socket.write('G');
    const silent = net.connect({ host: FRIEND, port: server.port });
    await once(silent.resume(), 'close');
    socket.end('ET /late HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');

    assert.match(Buffer.concat(await socket.toArray()).toString(), /plain GET \/late/);
  });

  test('that its client resets at once harms nobody', async () => {
    await using server = await start();
    for (const bytes of ['', 'G', '\x16', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n']) {
      const socket = net.connect({ host: FRIEND, port: server.port });
      await once(socket, 'connect');
      if (bytes !== '') await new Promise((resolve) => socket.write(bytes, resolve));
      socket.resetAndDestroy();
    }

    assert.match((await send(server.port)).body, /^plain GET/);
  });

  test('that falls silent between requests is closed', async () => {
    await using server = await start({ limits: { keepAlive: 1 } });
    const reply = await converse(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');

    assert.match(reply, /^HTTP\/1\.1 200 /);
  });
});

describe('closing', () => {
  test('ends idle and silent connections at once, and accepts no more', async () => {
    const server = await start();
    const idle = net.connect({ host: FRIEND, port: server.port });
    idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(idle, 'data');
    const silent = net.connect({ host: FRIEND, port: server.port });
    await once(silent, 'connect');
    const unused = await secureConnection(server.port);
    await send(server.port);
    const ended = [idle, silent, unused].map((socket) => {
      socket.on('error', () => {});
      return once(socket.resume(), 'close');
    });

    await server.close({ drainMilliseconds: 60_000 });
    await Promise.all(ended);
    await assert.rejects(send(server.port), { code: 'ECONNREFUSED' });
  });

  test('lets a request under way end, and its connection with it', async () => {
    const begun = Promise.withResolvers<ServerResponse>();
    const server = await start({ onRequest: (_, response) => begun.resolve(response) });
    const reply = converse(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const response = await begun.promise;

    const closed = server.close({ drainMilliseconds: 60_000 });
    response.end('whole');
    assert.match(await reply, /\r\n\r\n[\s\S]*whole/);
    await closed;
  });

  test('cuts what is left after the limit', async () => {
    const begun = Promise.withResolvers<void>();
    const server = await start({ onRequest: () => begun.resolve() });
    const plain = assert.rejects(send(server.port), { code: 'ECONNRESET' });
    await begun.promise;
    const handshaking = net.connect({ host: FRIEND, port: server.port });
    handshaking.write(Buffer.from([0x16]));
    await once(handshaking, 'connect');

    handshaking.resume().on('error', () => {});
    const cut = new Promise((resolve) => handshaking.once('close', resolve));

    await server.close({ drainMilliseconds: 20 });
    await Promise.all([plain, cut]);
  });
});
