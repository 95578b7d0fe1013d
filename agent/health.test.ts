import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { serveHealth } from './health.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('probes are answered although a pod holds all the connections open that it can', async () => {
  const ending = new AbortController();
  const port = await freePort();
  serveHealth(ending.signal, () => {}, port);
  const sockets: Socket[] = [];
  try {
    for (let count = 0; count < 200; count += 1) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      sockets.push(socket);
      await once(socket, 'connect');
    }
    const probe = await fetch(`http://127.0.0.1:${port}/healthz`);
    assert.equal(probe.status, 200);
    assert.equal((await fetch(`http://127.0.0.1:${port}/other`)).status, 404);
  } finally {
    for (const socket of sockets) socket.destroy();
    ending.abort();
  }
});
