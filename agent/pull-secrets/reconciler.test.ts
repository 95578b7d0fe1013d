import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { NamespaceCredentials } from '#contract/agent.ts';
import { createKubernetesApi, type KubernetesApi } from '#kubernetes/api/index.ts';
import { startTestApiServer, type TestApiServer } from '#kubernetes/testing/api-server.ts';
import { waitFor } from '#test/processes.ts';
import { createCredentials } from './credentials.ts';
import type { ServiceAccountView } from './plan.ts';
import { createReconciler, type Reconciler } from './reconciler.ts';
import type { PullSecretView } from './secret.ts';
import { createStates } from './states.ts';

const secretPath = '/api/v1/namespaces/shop/secrets/berth-pull';

describe('a namespace', () => {
  let server: TestApiServer;
  let api: KubernetesApi;
  let reconciler: Reconciler;
  let issued: number;
  let secret: PullSecretView | undefined;
  let accounts: ServiceAccountView[];
  const told = new Map<string, NamespaceCredentials | undefined>();

  beforeEach(async () => {
    server = await startTestApiServer();
    api = createKubernetesApi(server.connection);
    issued = 0;
    secret = undefined;
    accounts = [];
    told.clear();
    const credentials = createCredentials({
      server: {
        'credentials.issue': async () => {
          issued += 1;
          return { generation: issued, username: 'u', secret: 's', renewAt: Date.now() + 60_000 };
        },
        'credentials.placed': async () => ({}),
      },
      unknown: () => undefined,
    });
    reconciler = createReconciler({
      api,
      facts: {
        selectors: () => [{ kind: 'all' }],
        purpose: () => ({ cluster: 'production', registry: 'reg.test' }),
        view: () => ({
          secretsFilled: Promise.resolve(),
          filled: Promise.resolve(),
          isFilled: () => true,
          secret: () => secret,
          serviceAccount: () => undefined,
          serviceAccounts: () => accounts,
        }),
        namespace: (name) => ({ name, uid: 'u', labels: {}, terminating: false }),
      },
      credentials,
      states: createStates((name, state) => told.set(name, state)),
      ready: () => undefined,
      report: () => undefined,
    });
  });
  afterEach(async () => {
    reconciler.close();
    api.close();
    await server[Symbol.asyncDispose]();
  });

  const writes = () => server.requests.filter((request) => request.startsWith('PATCH '));
  const placed = (generation: number): PullSecretView => ({
    uid: 'secret',
    resourceVersion: String(generation),
    terminating: false,
    owner: 'ours',
    content: 'sound',
    generation,
    renewAt: Date.now() + 60_000,
    password: 's',
  });

  test('is given one credential, although the news of its Secret is late', async () => {
    for (let times = 0; times < 5; times++) {
      reconciler.add('shop');
      await reconciler.settled();
    }
    assert.equal(issued, 1);
    assert.deepEqual(writes(), [`PATCH ${secretPath}?fieldManager=berth`]);
    assert.deepEqual(told.get('shop'), { state: 'ready' });
  });

  test('has a retired credential replaced in the same object, once', async () => {
    secret = placed(1);
    issued = 1;
    reconciler.retire('shop');
    await reconciler.settled();
    assert.ok(!reconciler.isRetired('shop'));
    reconciler.add('shop');
    await reconciler.settled();
    assert.deepEqual(writes(), [`PATCH ${secretPath}?fieldManager=berth&force=true`]);
    assert.equal(issued, 2);
  });

  test('keeps a retirement until what was written before it is known', async () => {
    reconciler.add('shop');
    await reconciler.settled();
    reconciler.retire('shop');
    await reconciler.settled();
    assert.ok(reconciler.isRetired('shop'));
    secret = placed(1);
    reconciler.add('shop');
    await reconciler.settled();
    assert.ok(!reconciler.isRetired('shop'));
    assert.equal(issued, 2);
  });

  test('shows what keeps its Secret away, and gets the same credential when that is over', async () => {
    server.fault = (_request, response) => {
      response.writeHead(403, { 'content-type': 'application/json' });
      const message = 'secrets "berth-pull" is forbidden: exceeded quota: tight, requested';
      response.end(JSON.stringify({ reason: 'Forbidden', message }));
      return true;
    };
    reconciler.add('shop');
    await reconciler.settled();
    assert.equal(told.get('shop')?.state, 'problem');
    server.fault = undefined;
    await waitFor(async () => told.get('shop')?.state, {
      what: 'it to be ready without being told',
      until: (state) => state === 'ready',
    });
    assert.equal(issued, 1);
  });

  test('gives references without waiting for a registry that is away', async () => {
    const path = '/api/v1/namespaces/shop/serviceaccounts';
    const metadata = { name: 'default', namespace: 'shop' };
    const { resourceVersion = '' } = server.put(path, { metadata }).metadata;
    accounts = [{ name: 'default', resourceVersion, terminating: false, pullSecrets: ['theirs'] }];
    reconciler.add('shop', 'references');
    await reconciler.settled();
    assert.equal(issued, 0);
    assert.equal(writes().length, 1);
    reconciler.add('shop', 'references');
    await reconciler.settled();
    assert.equal(writes().length, 1);
  });
});
