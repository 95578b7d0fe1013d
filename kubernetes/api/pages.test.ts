import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestApiServer } from '../testing/api-server.ts';
import { createKubernetesApi, listAll, resources } from './index.ts';

const namespaces = '/api/v1/namespaces';

test('a list comes page by page, in smaller ones where objects are too large for an answer', async () => {
  await using server = await startTestApiServer();
  for (let index = 0; index < 10; index += 1) {
    const size = index === 5 ? 15_000 : 10;
    server.put(namespaces, {
      metadata: { name: `n${index}`, annotations: { text: 'x'.repeat(size) } },
    });
  }
  const limits = {
    maximumAnswer: 20_000,
    timeoutMilliseconds: 30_000,
    openingMilliseconds: 30_000,
    connections: 2,
  };
  const api = createKubernetesApi(server.connection, limits);
  const names = await listAll(api, resources.namespaces, {}, ({ metadata }) => metadata.name);
  assert.equal(names.length, 10);
  server.put(namespaces, { metadata: { name: 'n5', text: 'x'.repeat(21_000) } });
  await assert.rejects(
    listAll(api, resources.namespaces, {}, ({ metadata }) => metadata.name),
    /larger than 20000 bytes/,
  );
  for (const index of [1, 2, 3]) {
    server.put(namespaces, { metadata: { name: `n${index}`, text: 'x'.repeat(9_000) } });
  }
  server.put(namespaces, { metadata: { name: 'n5' } });
  const sizes = server.requests.length;
  assert.equal(
    (await listAll(api, resources.namespaces, {}, ({ metadata }) => metadata.name)).length,
    10,
  );
  assert.deepEqual(
    server.requests
      .slice(sizes)
      .map((request) => new URL(request.slice(4), 'https://x').searchParams.get('limit')),
    ['100', '25', '7', '2', '2', '2', '2', '2'],
  );
  api.close();
});

test('a list whose rest the server has forgotten is begun anew, and holds nothing twice', async () => {
  await using server = await startTestApiServer();
  for (const name of ['one', 'two', 'three']) server.put(namespaces, { metadata: { name } });
  let forgets = 1;
  server.fault = (request) => {
    if (request.url?.includes('continue=') === true && forgets > 0) {
      forgets -= 1;
      server.remove(namespaces, 'one');
      server.forget();
    }
    return undefined;
  };
  const api = createKubernetesApi(server.connection);
  const list = () =>
    listAll(api, resources.namespaces, { pageSize: 1 }, ({ metadata }) => metadata.name);
  assert.deepEqual(await list(), ['two', 'three']);
  forgets = Number.POSITIVE_INFINITY;
  await assert.rejects(list(), /Expired/);
  api.close();
});
