import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { headLoad } from './heads.ts';

async function loadOn(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    return await headLoad(process.pid, {
      url: `http://127.0.0.1:${port}/x`,
      connections: 2,
      seconds: 1,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('answers to HEAD are counted as the server counts them', async () => {
  let requests = 0;
  const { requests: counted, latency } = await loadOn((request, response) => {
    if (request.method === 'HEAD') requests += 1;
    response.writeHead(200, { 'content-length': '1000' });
    response.end();
  });
  assert.ok(counted > 10);
  assert.ok(requests - counted <= 2, `${requests} requests, ${counted} counted`);
  assert.ok(latency.p50 > 0 && latency.p50 <= latency.p99);
});

test('a refusal is no measurement', async () => {
  const refused = loadOn((_, response) => {
    response.statusCode = 404;
    response.end();
  });
  await assert.rejects(refused, /404/);
});
