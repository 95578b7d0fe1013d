import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { AgentIdentity } from '#contract/agent.ts';
import type { Cluster } from '#contract/clusters.ts';
import { pin } from '#test/pinned.ts';
import { type Served, servedForTests, servedPassword } from '#test/served.ts';
import { makeCluster, openAgent } from './testing/agents.ts';

const base = '/api/v2.0/clusters';
const json = { 'content-type': 'application/json' };
const as = `admin:${servedPassword}`;
const settings = { BERTH_LOG_LEVEL: 'error', BERTH_URL: 'https://localhost:0' };
const servers = servedForTests();
afterEach(() => servers.end());

/** One request, whose answer is read as JSON. */
async function ask<Body>(server: Served, path: string, options: object = {}): Promise<Body> {
  const [, port] = await server.prints(/\(port (\d+), data in /);
  const pinned = pin(Number(port));
  const { status, body } = await pinned.send(path, { as, ...options });
  pinned.close();
  assert.ok(status >= 200 && status < 300, `${status} ${body}`);
  return JSON.parse(String(body)) as Body;
}

test('a cluster is away as soon as a server that was killed is there again', async () => {
  const first = servers.start(settings);
  const cluster = await makeCluster();
  const { token } = await ask<{ token: string }>(first, base, {
    method: 'POST',
    headers: json,
    body: '{"name":"prod"}',
  });
  const { secret } = await ask<AgentIdentity>(first, '/api/v2.0/agent/enrolments', {
    method: 'POST',
    as: undefined,
    headers: { ...json, authorization: `Bearer ${token}` },
    body: JSON.stringify({ proof: await cluster.proof() }),
  });
  const [, port] = await first.prints(/\(port (\d+), data in /);
  const agent = await openAgent(`ws://127.0.0.1:${port}`, { secret, proof: await cluster.token() });
  const before = await ask<Cluster>(first, `${base}/prod`);
  assert.equal(before.state, 'connected');
  first.child.kill('SIGKILL');
  await first.ended;
  await agent.closed;
  const second = servers.start(settings, first.folder);
  const after = await ask<Cluster>(second, `${base}/prod`);
  assert.equal(after.state, 'away');
  assert.equal(after.last_seen, before.last_seen);
});
