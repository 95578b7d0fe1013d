import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Served, serve as serveIn } from '#test/served.ts';

describe('berth serve', () => {
  let folder: string;
  const running: Served[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'berth-serve-'));
  });
  afterEach(async () => {
    for (const { child, ended } of running.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  function serve(settings: Record<string, string> = {}): Served {
    const served = serveIn(folder, settings);
    running.push(served);
    return served;
  }

  test('tells address, password, authority and the next commands, and ends on SIGTERM', async () => {
    const first = serve({ BERTH_URL: 'https://registry.test' });
    await first.listens();
    const { code, stdout, stderr } = await first.stop();
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.match(stdout, /^Berth serves https:\/\/registry\.test /);
    assert.match(stdout, /^ {2}password {3}\S{12,} /m);
    assert.match(stdout, /^ {2}authority {2}([0-9A-F]{2}:){31}[0-9A-F]{2}$/m);
    assert.match(stdout, /^ {2}docker login --username admin registry\.test$/m);
    assert.match(stdout, /^ {2}\.\/berth cluster connect NAME$/m);
    assert.match(
      stdout,
      /^ {2}port {7}clients come to 443: lead it to \d+, or set BERTH_PORT=443$/m,
    );
    assert.match(stdout, /"msg":"stopped"/);
  });

  test('shows the password of the first admin once, and keeps its authority', async () => {
    const authority = /authority {2}(\S+)/;
    const first = serve();
    const [, before] = await first.prints(authority);
    await first.stop();
    const second = serve({ BERTH_ADMIN_PASSWORD: 'too late to be a password' });
    const [, after] = await second.prints(authority);
    await second.listens();
    const { stdout } = await second.stop();
    assert.doesNotMatch(stdout, /clients come to|cluster connect/);
    assert.equal(after, before);
    assert.doesNotMatch(stdout, /password/);
  });

  test('answers while it runs, and warns of a variable that is no setting', async () => {
    const server = serve({ BERTH_PROT: '1' });
    const port = await server.listens();
    const { status } = await fetch(`http://127.0.0.1:${port}/api/v2.0/ping`);
    assert.equal(status, 200);
    await server.prints(/BERTH_PROT is no setting of Berth/);
    await server.stop();
  });

  const wrong: [string, () => Record<string, string>, RegExp][] = [
    ['a port', () => ({ BERTH_PORT: 'http' }), /^berth: BERTH_PORT is not a port: /],
    ['a proxy', () => ({ BERTH_TRUSTED_PROXIES: 'ingress' }), /"ingress" in BERTH_TRUSTED_PROXIES/],
    [
      'certificate files',
      () => ({ BERTH_TLS_CERTIFICATE: '/none.pem', BERTH_TLS_KEY: '/none.pem' }),
      /^berth: BERTH_TLS_CERTIFICATE names \/none\.pem, which cannot be read/,
    ],
    [
      'a database',
      () => ({ BERTH_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }),
      /check BERTH_DATABASE_URL, and that the server runs\.$/m,
    ],
    [
      'a secret key',
      () => {
        writeFileSync(join(folder, 'secret.key'), 'damaged');
        return {};
      },
      /secret\.key is not 32 bytes in base64/,
    ],
  ];
  for (const [what, settings, sentence] of wrong) {
    test(`is stopped by ${what} that cannot be used, in one sentence`, async () => {
      const { code, stderr } = await serve(settings()).ended;
      assert.equal(code, 1);
      assert.match(stderr, sentence);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
    });
  }

  test('says what to do when the port is taken', async () => {
    const other = createServer().listen(0);
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const { code, stderr } = await serve({ BERTH_PORT: port }).ended;
    other.close();
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`Port ${port} is in use: .* --port or BERTH_PORT`));
  });

  test('refuses a database whose secrets another key sealed', async () => {
    const first = serve();
    await first.listens();
    await first.stop();
    const key = Buffer.alloc(32, 7).toString('base64');
    const { code, stderr } = await serve({ BERTH_SECRET_KEY: key }).ended;
    assert.equal(code, 1);
    assert.match(stderr, /set BERTH_SECRET_KEY to the key/);
  });
});
