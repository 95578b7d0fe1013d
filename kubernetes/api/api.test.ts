import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { startTestApiServer } from '../testing/api-server.ts';
import {
  createKubernetesApi,
  isForbidden,
  KubernetesError,
  KubernetesUnreachable,
  resources,
} from './index.ts';

/*
 * What a real API server cannot be made to answer at a test's wish; the rest is tested on a real
 * one, in test/cluster.
 */

const small = {
  maximumAnswer: 2_000,
  timeoutMilliseconds: 300,
  openingMilliseconds: 30_000,
  connections: 4,
};
const namespaces = '/api/v1/namespaces';

test('a refusal is an error with its status, reason and sentence', async () => {
  await using server = await startTestApiServer();
  const api = createKubernetesApi(server.connection);
  server.fault = (_request, response) => {
    response.writeHead(403);
    response.end(JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: 'not yours' }));
    return true;
  };
  await assert.rejects(api.get(resources.namespaces, { name: 'one' }), (error) => {
    assert.ok(error instanceof KubernetesError && isForbidden(error));
    assert.equal(error.status, 403);
    assert.equal(error.reason, 'Forbidden');
    assert.equal(error.message, 'not yours');
    return true;
  });
  api.close();
});

test('an answer that is no Kubernetes API says so, and does not crash', async () => {
  await using server = await startTestApiServer();
  const api = createKubernetesApi(server.connection);
  server.fault = (_request, response) => {
    response.end('<html>a proxy</html>');
    return true;
  };
  await assert.rejects(api.get(resources.namespaces, { name: 'one' }), KubernetesUnreachable);
  server.fault = (_request, response) => {
    response.end('null');
    return true;
  };
  await assert.rejects(api.list(resources.namespaces), KubernetesUnreachable);
  server.fault = (_request, response) => {
    response.writeHead(502);
    response.end('<html>bad gateway</html>');
    return true;
  };
  await assert.rejects(api.list(resources.namespaces), /bad gateway/);
  api.close();
});

test('an answer that is too long, or never ends, is given up', async () => {
  await using server = await startTestApiServer();
  const api = createKubernetesApi(server.connection, small);
  server.fault = (_request, response) => {
    response.end(JSON.stringify({ items: ['x'.repeat(5_000)] }));
    return true;
  };
  await assert.rejects(api.list(resources.namespaces), /larger than 2000 bytes/);
  server.fault = (_request, response) => {
    response.write('{');
    return true;
  };
  await assert.rejects(api.list(resources.namespaces), KubernetesUnreachable);
  server.fault = () => true;
  await assert.rejects(api.list(resources.namespaces), KubernetesUnreachable);
  const watch = api.watch(resources.namespaces, { resourceVersion: '1', timeoutSeconds: 60 });
  await assert.rejects(watch[Symbol.asyncIterator]().next(), /did not answer in time/);
  api.close();
});

test('a connection that does not open is given up', async () => {
  const mute = createServer().listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const { port } = mute.address() as AddressInfo;
  const api = createKubernetesApi(
    { server: `https://127.0.0.1:${port}`, authority: '' },
    { ...small, timeoutMilliseconds: 30_000, openingMilliseconds: 100 },
  );
  await assert.rejects(api.list(resources.namespaces), /takes no connection/);
  api.close();
  mute.close();
});

test('a server that has no room is asked again when it said to', async () => {
  await using server = await startTestApiServer();
  server.put(namespaces, { metadata: { name: 'one' } });
  const api = createKubernetesApi(server.connection);
  let refused = 0;
  server.fault = (_request, response) => {
    if (refused === 2) return undefined;
    refused += 1;
    response.writeHead(429, { 'retry-after': '0' });
    response.end(JSON.stringify({ reason: 'TooManyRequests' }));
    return true;
  };
  const one = await api.get(resources.namespaces, { name: 'one' });
  assert.equal(one.metadata.name, 'one');
  assert.equal(server.requests.length, 3);
  api.close();
});

test('an idle connection that the server closed is no failure', async () => {
  await using server = await startTestApiServer();
  server.put(namespaces, { metadata: { name: 'one' } });
  const api = createKubernetesApi(server.connection);
  await api.get(resources.namespaces, { name: 'one' });
  let cut = false;
  server.fault = (request) => {
    if (cut) return undefined;
    cut = true;
    request.socket.destroy();
    return true;
  };
  await api.get(resources.namespaces, { name: 'one' });
  assert.equal(cut, true);
  api.close();
});

test('a server whose certificate another authority signed is not talked to', async () => {
  await using server = await startTestApiServer();
  await using other = await startTestApiServer();
  const api = createKubernetesApi({
    ...server.connection,
    authority: other.connection.authority,
  });
  await assert.rejects(api.list(resources.namespaces), /cannot be reached: .*certificate/);
  assert.deepEqual(server.requests, []);
  api.close();
});

test('a name that would lead elsewhere in the API is refused before anything is sent', async () => {
  await using server = await startTestApiServer();
  const api = createKubernetesApi(server.connection);
  const read = (name: string) => async () =>
    api.get(resources.secrets, { name, namespace: 'berth' });
  await assert.rejects(read('..'), TypeError);
  await assert.rejects(read(''), TypeError);
  await assert.rejects(read('../../secrets/other'), KubernetesError);
  assert.deepEqual(server.requests, [
    'GET /api/v1/namespaces/berth/secrets/..%2F..%2Fsecrets%2Fother',
  ]);
  api.close();
});

test('no more connections are open than are allowed', async () => {
  await using server = await startTestApiServer();
  const api = createKubernetesApi(server.connection, { ...small, timeoutMilliseconds: 30_000 });
  let most = 0;
  let open = 0;
  server.fault = (_request, response) => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
      response.end('{"items":[]}');
    }, 5);
    return true;
  };
  await Promise.all(Array.from({ length: 40 }, () => api.list(resources.namespaces)));
  assert.equal(most, 4);
  api.close();
});
