import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { DesiredState } from '#contract/agent.ts';
import type { Cluster } from '#contract/clusters.ts';
import { startServer, type TestServer } from '#test/server.ts';
import { connectAgent, enrolled, makeCluster, registryName } from './testing/agents.ts';

describe('an agent', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  test('enrols, connects, is told what to bring about, and reports', async () => {
    const cluster = await makeCluster();
    const { secret } = await enrolled(server, 'prod', cluster);
    const told = Promise.withResolvers<DesiredState>();
    const agent = await connectAgent(server, {
      secret,
      proof: await cluster.token(),
      answers: {
        'state.set': async (state) => {
          told.resolve(state as DesiredState);
          return {};
        },
      },
    });
    const { registry, cluster: name } = await told.promise;
    assert.equal(name, 'prod');
    assert.equal(registry.name, registryName);
    assert.equal(registry.authorities, server.authority);
    await agent.call('namespaces.report', {
      complete: true,
      changed: [{ name: 'web', uid: 'u', labels: { tier: 'front' } }],
      removed: [],
    });
    const reply = await server.request('/api/v2.0/clusters/prod', { as: server.admin });
    const { state, uid, namespaces } = reply.json() as Cluster;
    assert.deepEqual(
      { state, uid, namespaces },
      {
        state: 'connected',
        uid: cluster.uid,
        namespaces: 1,
      },
    );
    await agent.leave();
  });
});
