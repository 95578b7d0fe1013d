import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { agentManifestPath } from '#contract/agent.ts';
import { waitFor } from '#test/processes.ts';
import { startServer, type TestServer } from '#test/server.ts';
import { connectToken } from './testing/agents.ts';

const nodes = JSON.stringify({
  items: [
    {
      metadata: { name: 'n1' },
      status: { images: [{ names: ['registry.k8s.io/pause:3.10.1'], sizeBytes: 320_000 }] },
    },
  ],
});

describe("the agent's image", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ url: 'https://registry.test:5443', names: 'registry.test' });
  });
  after(() => server.stop());

  test('is made once a cluster is offered, before anybody runs the command', async (context) => {
    const begun = performance.now();
    const token = await connectToken(server, 'prod');
    const offered = performance.now();
    const pulled = await waitFor(
      () =>
        server.request('/v2/berth/agent/manifests/latest', {
          headers: { accept: 'application/vnd.oci.image.index.v1+json' },
          as: server.admin,
        }),
      { what: 'the image', until: ({ status }) => status === 200 },
    );
    const made = performance.now();
    const reply = await server.request(agentManifestPath, { method: 'POST', token, body: nodes });
    const fetched = performance.now();
    assert.equal(reply.status, 200, String(reply.body));
    assert.ok(String(reply.body).includes(String(pulled.headers['docker-content-digest'])));
    const seconds = (from: number, to: number) => `${((to - from) / 1_000).toFixed(2)} s`;
    context.diagnostic(
      `offered in ${seconds(begun, offered)}, made ${seconds(offered, made)} later, manifests in ${seconds(made, fetched)}`,
    );
  });
});
