import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { promtool, samplesOf, skipWithoutPromtool } from '#test/promtool.ts';
import { startServer, type TestServer } from '#test/server.ts';

const token = 'a-token-for-the-scraper';

describe('/metrics', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ metricsToken: token });
  });
  after(() => server.stop());

  /** As a trusted proxy on this machine passes on a request from elsewhere. */
  const stranger = { 'x-forwarded-for': '203.0.113.9' };
  const asStranger = (headers: Record<string, string> = {}) =>
    server.request('/metrics', { headers: { ...stranger, ...headers } });
  const basic = (login: string) => ({ authorization: `Basic ${btoa(login)}` });

  async function addRobot(name: string, resource: string): Promise<string> {
    const access = [{ resource, action: 'read' }];
    const permissions = [{ kind: 'system', namespace: '/', access }];
    const reply = await server.request('/api/v2.0/robots', {
      method: 'POST',
      as: server.admin,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, level: 'system', duration: 30, permissions }),
    });
    assert.equal(reply.status, 201, reply.body.toString());
    const robot = reply.json() as { name: string; secret: string };
    return `${robot.name}:${robot.secret}`;
  }

  test('is open to the machine itself, and tells strangers how to come in', async () => {
    assert.equal((await server.request('/metrics')).status, 200);
    const refused = await asStranger();
    assert.equal(refused.status, 401);
    assert.match(refused.body.toString(), /BERTH_METRICS_TOKEN .* permission metrics:read/);
    assert.doesNotMatch(refused.body.toString(), /berth_http/);
  });

  test('is open to the token, to admins and to robots that were given it', async () => {
    assert.equal((await asStranger({ authorization: `Bearer ${token}` })).status, 200);
    assert.equal((await asStranger(basic(server.admin))).status, 200);
    assert.equal((await asStranger(basic(await addRobot('scraper', 'metrics')))).status, 200);
  });

  test('is closed to all other credentials, on the machine too', async () => {
    for (const authorization of [`Bearer ${token}x`, 'Bearer x', basic('nobody:x').authorization]) {
      assert.equal((await asStranger({ authorization })).status, 401);
      const here = await server.request('/metrics', { headers: { authorization } });
      assert.equal(here.status, 401);
    }
    const other = await asStranger(basic(await addRobot('reader', 'catalog')));
    assert.equal(other.status, 403);
    assert.match(other.body.toString(), /robot \S+reader may not metrics read/);
  });

  test('is what Prometheus accepts without a remark', { skip: skipWithoutPromtool() }, async () => {
    await server.request('/v2/');
    const { body, headers } = await server.request('/metrics');
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(promtool(['check', 'metrics'], body.toString()), '');
  });

  test('tells of nobody and nothing by name', async () => {
    await addRobot('very-secret-name', 'metrics');
    await server.request('/v2/secret-project/app/manifests/1');
    const text = (await server.request('/metrics')).body.toString();
    assert.doesNotMatch(text, /secret-name|secret-project/);
  });

  test('counts requests, secrets that end, blobs and the space for them', async () => {
    for (let n = 0; n < 3; n += 1) await server.request('/v2/library/absent/manifests/1');
    let samples = samplesOf((await server.request('/metrics')).body.toString());
    while (!samples.has('berth_blobs')) {
      samples = samplesOf((await server.request('/metrics')).body.toString());
    }
    const labels = 'route="manifest",method="GET",status="401"';
    assert.ok((samples.get(`berth_http_requests_total{${labels}}`) ?? 0) >= 3);
    assert.equal(samples.get('berth_blobs'), 0);
    assert.equal(samples.get('berth_storage_writable'), 1);
    assert.ok((samples.get('berth_storage_free_bytes') ?? 0) > 0);
    assert.equal(samples.get('berth_outbox_events_given_up'), 0);
    const leaf = samples.get('berth_certificate_remaining_seconds{certificate="leaf"}') ?? 0;
    assert.ok(leaf > 24 * 3600);
  });
});
