import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKubernetesApi } from '#kubernetes/api/index.ts';
import { waitFor } from '#test/processes.ts';
import { createLog } from './log.ts';
import { startTestCluster } from './testing/cluster.ts';
import { createTrouble } from './trouble.ts';

const pods = '/api/v1/namespaces/berth/pods';

test('what stands in the way is written on the own pod, and taken away when it does not', async () => {
  await using cluster = await startTestCluster();
  cluster.put(pods, { metadata: { name: 'agent', namespace: 'berth' } });
  const api = createKubernetesApi(cluster.connection);
  const ending = new AbortController();
  const trouble = createTrouble(api, 'agent', createLog(assert.fail), ending.signal);
  const annotation = (until: (value: unknown) => boolean) =>
    waitFor(
      () => {
        const { metadata } = cluster.get(`${pods}/agent`) ?? {};
        const { annotations = {} } = (metadata ?? {}) as { annotations?: Record<string, unknown> };
        return Promise.resolve(annotations['berth.internal/problem']);
      },
      { what: 'the annotation', until },
    );
  trouble('The registry is away.');
  await annotation((value) => value === 'The registry is away.');
  const before = cluster.requests.length;
  trouble('The registry is away.');
  trouble(undefined);
  await annotation((value) => value === null);
  assert.equal(cluster.requests.length, before + 1, 'the same problem was written again');
  // The answer to the last one may still be on its way.
  ending.abort();
  api.close();
});
