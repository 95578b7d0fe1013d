import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { OpenExchange } from '#server/http/exchange.ts';
import { skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { run, succeed, waitFor } from '#test/processes.ts';
import { startServer, type TestServer } from '#test/server.ts';
import { createProbes } from './probe-routes.ts';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function plain(port: string, path: string) {
  const outgoing = get({ host: '127.0.0.1', port, path, agent: false });
  const [response] = await once(outgoing, 'response');
  const body = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode, body };
}

async function readiness(probed: TestServer) {
  const reply = await probed.request('/readyz', { headers: { accept: 'application/json' } });
  return reply.json() as { status: string; checks: Check[] };
}

interface Check {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
}

describe('a probe', () => {
  test('is answered without credentials, over TLS and in plain HTTP, in text and in JSON', async () => {
    server = await startServer();
    const port = server.host.split(':')[1] ?? '';
    assert.deepEqual(await plain(port, '/healthz'), { status: 200, body: 'alive\n' });
    assert.deepEqual(await plain(port, '/readyz'), {
      status: 200,
      body: 'ready\ndatabase: works\nblobs: works\ncertificates: works\n',
    });
    const { status, checks } = await readiness(server);
    assert.equal(status, 'ready');
    assert.deepEqual(
      checks.map(({ name }) => name),
      ['database', 'blobs', 'certificates'],
    );
    const head = await server.request('/readyz', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body.length], [200, 0]);
    const wrong = await server.request('/healthz', { method: 'POST', body: 'x' });
    assert.deepEqual([wrong.status, wrong.headers.allow], [405, 'GET, HEAD']);
  });

  test('bears wrong credentials, which are none of its business', async () => {
    server = await startServer();
    assert.equal((await server.request('/readyz', { as: 'nobody:nothing' })).status, 200);
  });

  test('is 503 from the moment that the server is told to stop, while the process counts as alive', async () => {
    const probes = createProbes({ examine: async () => [] });
    const raw = createServer((request, response) => {
      const origin = { origin: 'http://a', address: '192.0.2.7' };
      void probes.handle(new OpenExchange(request, response, 'r-1', () => origin));
    }).listen(0, '127.0.0.1');
    await once(raw, 'listening');
    try {
      const port = String((raw.address() as AddressInfo).port);
      assert.equal((await plain(port, '/readyz')).status, 200);
      probes.stopping();
      const { status, body } = await plain(port, '/readyz');
      assert.equal(status, 503);
      assert.match(body, /^unready\nserver: fails: The server is stopping .*: send new requests/);
      assert.equal((await plain(port, '/healthz')).status, 200);
    } finally {
      raw.close();
    }
  });

  test('says that a full store reads but does not write, and the API says the same', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-full-'));
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
    if (mounted.code !== 0) {
      rmSync(folder, { recursive: true });
      context.skip('mounting a tmpfs needs root');
      return;
    }
    try {
      server = await startServer({ data: folder });
      const filler = join(folder, 'filler');
      await run('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k']);
      await run('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1', 'oflag=append', 'conv=notrunc']);
      const probed = server;
      const full = await waitFor(() => readiness(probed), {
        what: 'the probe to say that the store is full',
        until: ({ checks }) => checks.some(({ status }) => status === 'degraded'),
      });
      assert.equal(full.status, 'ready');
      const blobs = full.checks.find(({ name }) => name === 'blobs');
      assert.match(blobs?.message ?? '', /full: pushes are refused with 507, pulls go on/);
      const health = (await server.request('/api/v2.0/health')).json() as { status: string };
      assert.equal(health.status, 'unhealthy');
      rmSync(filler);
      await waitFor(() => readiness(probed), {
        what: 'the probe to see the space again',
        until: ({ checks }) => checks.every(({ status }) => status === 'works'),
      });
    } finally {
      await server?.stop();
      server = undefined;
      await succeed('umount', [folder]);
      rmSync(folder, { recursive: true });
    }
  });

  test('is 503 while PostgreSQL is away, and the process counts as alive', {
    skip: skipWithoutPostgres(),
  }, async () => {
    const postgres = await startPostgres();
    try {
      server = await startServer({ databaseUrl: await postgres.createDatabase() });
      assert.equal((await readiness(server)).status, 'ready');
    } finally {
      await postgres.stop();
    }
    const probed = server;
    const { checks } = await waitFor(() => readiness(probed), {
      what: 'the probe to miss the database',
      until: ({ status }) => status === 'unready',
    });
    const database = checks.find(({ name }) => name === 'database');
    assert.match(database?.message ?? '', /^The database does not answer: check that it runs/);
    const text = await server.request('/readyz');
    assert.equal(text.status, 503);
    assert.match(text.body.toString(), /^unready\ndatabase: fails: The database does not answer/);
    assert.equal((await server.request('/healthz')).status, 200);
    assert.equal((await server.request('/metrics')).status, 200, 'and metrics without the rest');
    const health = (await server.request('/api/v2.0/health')).json() as { status: string };
    assert.equal(health.status, 'unhealthy');
  });
});
