import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';
import { converse, FRIEND, sentence, start } from './testing/listeners.ts';

describe('a connection', () => {
  for (const [what, bytes] of [
    ['text', 'hello\r\n\r\n'],
    ['binary', Buffer.from([0x00, 0xff, 0x80, 0x15])],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
    ],
  ] as const) {
    test(`that brings ${what} is told what is expected, and closed`, async () => {
      await using server = await start();
      const reply = await converse(server.port, bytes);

      assert.match(reply, /^HTTP\/1\.1 400 Bad Request\r\n/);
      assert.match(sentence(reply), /^This is not a request that the server can read/);
    });
  }

  test('without a Host header is told so', async () => {
    await using server = await start();

    const reply = await converse(server.port, 'GET / HTTP/1.1\r\n\r\n');
    assert.match(reply, /^HTTP\/1\.1 400 /);
    assert.match(sentence(reply), /no Host header/);
    assert.match(await converse(server.port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
  });

  for (const size of [40 * 1024, 4 * 1024 * 1024]) {
    test(`with ${size} bytes of headers is told of the limit`, async () => {
      await using server = await start();
      const reply = await converse(
        server.port,
        `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(size)}\r\n\r\n`,
      );

      assert.match(reply, /^HTTP\/1\.1 431 /);
      assert.match(sentence(reply), /larger than 32768 bytes: send fewer or shorter ones/);
    });
  }

  test('whose headers do not end is told so in time', async () => {
    await using server = await start({ limits: { headers: 100 } });
    const reply = await converse(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n');

    assert.match(reply, /^HTTP\/1\.1 408 /);
    assert.match(sentence(reply), /did not arrive in time/);
  });

  test('whose body turns malformed under a reply gets no second reply into the first', async () => {
    await using server = await start({
      onRequest(request, response) {
        request.on('error', () => {});
        request.once('data', () => response.writeHead(200, { 'Content-Length': 10 }).write('x'));
      },
    });
    const socket = net.connect({ host: FRIEND, port: server.port });
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
    const [first] = await once(socket, 'data');
    const rest: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => rest.push(chunk)).on('error', () => {});
    socket.write('nonsense\r\n');
    await once(socket, 'close');

    assert.match(first.toString() + Buffer.concat(rest).toString(), /^HTTP\/1\.1 200 [\s\S]*x$/);
  });
});
