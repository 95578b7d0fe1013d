import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { waitFor } from '#test/processes.ts';
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
    assert.match(
      refused.body.toString(),
      /BERTH_METRICS_TOKEN .* berth robot create \S+ --system metrics:read/,
    );
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
    assert.match(other.body.toString(), /robot \S+reader may not read the metrics/);
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
    const scrape = async () => samplesOf((await server.request('/metrics')).body.toString());
    const samples = await waitFor(scrape, {
      what: 'the count of blobs',
      until: (told) => told.has('berth_blobs'),
    });
    const labels = 'route="manifest",method="GET",status="401"';
    assert.ok((samples.get(`berth_http_requests_total{${labels}}`) ?? 0) >= 3);
    assert.equal(samples.get('berth_blobs'), 0);
    assert.equal(samples.get('berth_storage_writable'), 1);
    assert.ok((samples.get('berth_storage_free_bytes') ?? 0) > 0);
    assert.equal(samples.get('berth_outbox_events_given_up'), 0);
    const leaf = samples.get('berth_certificate_remaining_seconds{certificate="leaf"}') ?? 0;
    assert.ok(leaf > 24 * 3600);
  });

  test('counts credentials that were refused by what they were, and those not even looked at', async () => {
    const scrape = async () => samplesOf((await server.request('/metrics')).body.toString());
    const failures = (kind: string) => `berth_sign_in_failures_total{kind="${kind}"}`;
    const before = await scrape();
    const robot = (await addRobot('signs-in', 'catalog')).split(':')[0];
    const wrong: [string, Record<string, string>][] = [
      ['password', basic('admin:not-the-password')],
      ['robot-secret', basic(`${robot}:${'x'.repeat(43)}`)],
      ['registry-token', { authorization: 'Bearer e30.e30.AAAA' }],
    ];
    for (const [kind, headers] of wrong) {
      assert.equal((await server.request('/v2/', { headers })).status, 401, kind);
    }
    const guesses = Array.from({ length: 12 }, (_, n) => basic(`somebody:guess-${n}`));
    for (const headers of guesses) await server.request('/v2/', { headers });
    const samples = await scrape();
    const more = (series: string) => (samples.get(series) ?? 0) - (before.get(series) ?? 0);
    assert.equal(more(failures('robot-secret')), 1);
    assert.equal(more(failures('registry-token')), 1);
    assert.equal(more(failures('password')), 11);
    assert.equal(more('berth_sign_in_throttled_total'), 2);
  });

  test('counts what memory answered, and how long writes took', async () => {
    const token = (await server.request('/service/token', { as: server.admin })).json() as {
      token: string;
    };
    for (let n = 0; n < 3; n += 1) {
      await server.request('/v2/library/absent/manifests/1', { token: token.token });
    }
    const samples = samplesOf((await server.request('/metrics')).body.toString());
    assert.ok((samples.get('berth_cache_hits_total{cache="tokens"}') ?? 0) >= 2);
    assert.ok((samples.get('berth_cache_misses_total{cache="tokens"}') ?? 0) >= 1);
    for (const cache of ['manifests', 'tokens', 'grants', 'reads']) {
      assert.ok(samples.has(`berth_cache_hits_total{cache="${cache}"}`), cache);
    }
    const writes = 'berth_database_write_duration_seconds_count{durability="durable"}';
    assert.ok((samples.get(writes) ?? 0) > 0);
    assert.equal(samples.get('berth_database_writes_in_progress'), 0);
  });
});

describe('/metrics on PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  test('tells the same, and of the connections to it', async () => {
    const postgres = await startPostgres();
    try {
      const server = await startServer({ databaseUrl: await postgres.createDatabase() });
      try {
        const scrape = async () => (await server.request('/metrics')).body.toString();
        const text = await waitFor(scrape, {
          what: 'a scrape with every metric',
          until: (body) => body.includes('berth_blobs_bytes'),
        });
        if (skipWithoutPromtool() === false) assert.equal(promtool(['check', 'metrics'], text), '');
        const samples = samplesOf(text);
        assert.ok((samples.get('berth_database_connections{state="idle"}') ?? -1) >= 0);
        assert.equal(samples.get('berth_database_connection_waiters'), 0);
        assert.equal(samples.get('berth_outbox_events_waiting'), 0);
        assert.equal(samples.get('berth_secrets_expired{kind="robot"}'), 0);
      } finally {
        await server.stop();
      }
    } finally {
      await postgres.stop();
    }
  });
});
