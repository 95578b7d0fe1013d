import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import { startTestApiServer, type TestApiServer } from '../testing/api-server.ts';
import {
  type Change,
  createKubernetesApi,
  createObjectStore,
  type Namespace,
  resources,
} from './index.ts';

const namespaces = '/api/v1/namespaces';

interface Kept {
  readonly name: string;
  readonly team: string | undefined;
}

interface Watched extends Disposable {
  readonly heard: readonly string[];
  readonly errors: readonly unknown[];
  readonly size: number;
  hear(count: number): Promise<readonly string[]>;
  relist(): void;
}

/** Hears `added one`, `changed one`, `deleted one`. */
async function watchNamespaces(
  server: TestApiServer,
  options: { readonly pageSize?: number; readonly relistMilliseconds?: number } = {},
): Promise<Watched> {
  const api = createKubernetesApi(server.connection);
  const ending = new AbortController();
  const heard: string[] = [];
  const errors: unknown[] = [];
  const store = createObjectStore<Namespace, Kept>({
    api,
    resource: resources.namespaces,
    keep: ({ metadata }): Kept => ({ name: metadata.name, team: metadata.labels?.team }),
    signal: ending.signal,
    report: (error) => errors.push(error),
    ...options,
  });
  store.subscribe(({ kind, item }: Change<Kept>) => heard.push(`${kind} ${item.name}`));
  await store.filled;
  await waitFor(() => Promise.resolve(server.watches()), {
    what: 'the watch',
    until: (count) => count > 0,
  });
  return {
    heard,
    errors,
    get size() {
      return store.size;
    },
    hear: (count) =>
      waitFor(() => Promise.resolve(heard), {
        what: `${count} changes`,
        until: (list) => list.length >= count,
      }),
    relist: store.relist,
    [Symbol.dispose]: () => {
      ending.abort();
      api.close();
    },
  };
}

function put(server: TestApiServer, name: string, team = 'a'): void {
  server.put(namespaces, { metadata: { name, labels: { team } } });
}

test('what is there and what changes is heard once each, a list in pages included', async () => {
  await using server = await startTestApiServer();
  for (const name of ['one', 'two', 'three', 'four', 'five']) put(server, name);
  using watched = await watchNamespaces(server, { pageSize: 2 });
  assert.equal(watched.size, 5);
  put(server, 'one', 'b');
  server.remove(namespaces, 'two');
  put(server, 'six');
  await watched.hear(8);
  const first = ['added one', 'added two', 'added three', 'added four', 'added five'];
  assert.deepEqual(watched.heard, [...first, 'changed one', 'deleted two', 'added six']);
  assert.equal(server.requests.filter((request) => request.includes('limit=2')).length, 3);
});

test('a subscriber who comes later hears first of what is there', async () => {
  await using server = await startTestApiServer();
  put(server, 'one');
  const api = createKubernetesApi(server.connection);
  const ending = new AbortController();
  const store = createObjectStore<Namespace, string>({
    api,
    resource: resources.namespaces,
    keep: ({ metadata }) => metadata.name,
    signal: ending.signal,
    report: (error) => assert.fail(String(error)),
  });
  await store.filled;
  const heard: string[] = [];
  const stop = store.subscribe(({ kind, item }) => heard.push(`${kind} ${item}`));
  assert.deepEqual(heard, ['added one']);
  stop();
  assert.equal(store.get('one'), 'one');
  ending.abort();
  api.close();
});

for (const half of [false, true]) {
  const where = half ? 'in the middle of an event' : 'between two events';
  test(`a watch that is cut ${where} loses nothing and repeats nothing`, async () => {
    await using server = await startTestApiServer();
    put(server, 'one');
    using watched = await watchNamespaces(server);
    server.cut(half);
    put(server, 'two');
    put(server, 'one', 'b');
    put(server, 'three');
    server.remove(namespaces, 'three');
    await watched.hear(5);
    await waitFor(() => Promise.resolve(server.watches()), {
      what: 'the next watch',
      until: (n) => n === 1,
    });
    put(server, 'last');
    await watched.hear(6);
    assert.deepEqual(watched.heard.toSorted(), [
      'added last',
      'added one',
      'added three',
      'added two',
      'changed one',
      'deleted three',
    ]);
    assert.equal(server.requests.filter((request) => !request.includes('watch=')).length, 1);
  });
}

test('a server that has forgotten (410) is asked for a list, and what went meanwhile is heard of', async () => {
  await using server = await startTestApiServer();
  for (const name of ['one', 'two', 'three']) put(server, name);
  using watched = await watchNamespaces(server);
  server.fault = (request, response) => {
    if (request.url?.includes('watch=') !== true) return undefined;
    response.destroy();
    return true;
  };
  server.cut();
  await waitFor(() => Promise.resolve(server.watches()), {
    what: 'the cut',
    until: (n) => n === 0,
  });
  server.remove(namespaces, 'one');
  put(server, 'two', 'b');
  put(server, 'four');
  server.forget();
  server.fault = undefined;
  await watched.hear(6);
  assert.deepEqual(watched.heard.slice(3).toSorted(), ['added four', 'changed two', 'deleted one']);
});

test('an object that was replaced by another of its name is deleted, then added', async () => {
  await using server = await startTestApiServer();
  put(server, 'one');
  using watched = await watchNamespaces(server);
  server.fault = (request, response) => {
    if (request.url?.includes('watch=') !== true) return undefined;
    response.destroy();
    return true;
  };
  server.cut();
  server.remove(namespaces, 'one');
  put(server, 'one');
  server.forget();
  server.fault = undefined;
  await watched.hear(3);
  assert.deepEqual(watched.heard, ['added one', 'deleted one', 'added one']);
});

test('a page that the server has forgotten begins the list anew', async () => {
  await using server = await startTestApiServer();
  for (const name of ['one', 'two', 'three']) put(server, name);
  let forgot = false;
  server.fault = (request) => {
    if (request.url?.includes('continue=') === true && !forgot) {
      forgot = true;
      server.remove(namespaces, 'one');
      server.forget();
    }
    return undefined;
  };
  using watched = await watchNamespaces(server, { pageSize: 1 });
  await watched.hear(4);
  assert.deepEqual(watched.heard, ['added one', 'added two', 'added three', 'deleted one']);
});

test('garbage in a watch is reported, and the watch goes on where it was', async () => {
  await using server = await startTestApiServer();
  using watched = await watchNamespaces(server);
  const garbage = ['no json\n', '{"type":"ADDED","object":{}}\n'];
  server.fault = (request, response) => {
    const line = request.url?.includes('watch=') === true ? garbage.shift() : undefined;
    if (line === undefined) return undefined;
    response.end(line);
    return true;
  };
  server.cut();
  await waitFor(() => Promise.resolve(watched.errors), {
    what: 'the cut, and each line',
    until: (errors) => errors.length === 3,
  });
  put(server, 'one');
  await watched.hear(1);
  assert.deepEqual(watched.heard, ['added one']);
  assert.equal(server.requests.filter((request) => !request.includes('watch=')).length, 1);
});

test('what a watch never told is found by the list that comes from time to time', async () => {
  await using server = await startTestApiServer();
  put(server, 'one');
  server.fault = (request, response) => {
    if (request.url?.includes('watch=') !== true) return undefined;
    response.writeHead(200);
    response.flushHeaders();
    const seconds = Number(new URL(request.url, 'https://x').searchParams.get('timeoutSeconds'));
    setTimeout(() => response.end(), seconds * 1_000);
    return true;
  };
  const api = createKubernetesApi(server.connection);
  const ending = new AbortController();
  const heard: string[] = [];
  const store = createObjectStore<Namespace, string>({
    api,
    resource: resources.namespaces,
    keep: ({ metadata }) => metadata.name,
    signal: ending.signal,
    report: (error) => assert.fail(String(error)),
    relistMilliseconds: 1_000,
  });
  store.subscribe(({ kind, item }) => heard.push(`${kind} ${item}`));
  await store.filled;
  server.remove(namespaces, 'one');
  put(server, 'two');
  await waitFor(() => Promise.resolve(heard), {
    what: 'the next list',
    until: (h) => h.length >= 3,
  });
  assert.deepEqual(heard, ['added one', 'added two', 'deleted one']);
  ending.abort();
  api.close();
});

test('a listener that throws keeps nobody else from hearing', async () => {
  await using server = await startTestApiServer();
  const api = createKubernetesApi(server.connection);
  const ending = new AbortController();
  const errors: unknown[] = [];
  const heard: string[] = [];
  const store = createObjectStore<Namespace, string>({
    api,
    resource: resources.namespaces,
    keep: ({ metadata }) => metadata.name,
    signal: ending.signal,
    report: (error) => errors.push(error),
  });
  store.subscribe(() => {
    throw new Error('of the listener');
  });
  store.subscribe(({ item }) => heard.push(item));
  put(server, 'one');
  await waitFor(() => Promise.resolve(heard), { what: 'the other', until: (h) => h.length === 1 });
  assert.match(String(errors[0]), /of the listener/);
  ending.abort();
  api.close();
});
