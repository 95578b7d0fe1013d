import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { createAuthority, createLeafKey, issueLeaf } from '#server/certificates/authority.ts';
import { servedNames } from '#server/certificates/names.ts';
import { type Pinned, pin, pinToEach, pushBlob } from '#test/pinned.ts';
import { waitFor } from '#test/processes.ts';
import { childrenOf, lives, type Served, servedForTests, servedPassword } from '#test/served.ts';

const admin = `admin:${servedPassword}`;
const two = { BERTH_WORKERS: '2' };

describe('the workers of berth serve', () => {
  const servers = servedForTests();
  afterEach(servers.end);

  /** Waits until there are two workers, `gone` not among them. */
  function twoWorkers(served: Served, gone?: number): Promise<number[]> {
    return waitFor(async () => childrenOf(served.pid), {
      what: 'two workers',
      until: (found) => found.length === 2 && (gone === undefined || !found.includes(gone)),
    });
  }

  test('are none when there is one process, and else as many as were asked for', async () => {
    const alone = servers.start({ BERTH_WORKERS: '1' });
    await alone.listens();
    assert.deepEqual(childrenOf(alone.pid), []);
    await alone.stop();

    const served = servers.start({ BERTH_WORKERS: '3' });
    const port = await served.listens();
    const workers = childrenOf(served.pid);
    assert.equal(workers.length, 3);
    for (const each of await pinToEach(port, workers)) {
      assert.equal((await each.send('/readyz')).status, 200);
      each.close();
    }
    const { code, stdout, stderr } = await served.stop();
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.equal(stdout.match(/"msg":"listening"/g)?.length, 1);
    assert.deepEqual(workers.filter(lives), []);
  });

  test('are replaced when they die, and only their own connections notice', async () => {
    const served = servers.start(two);
    const port = await served.listens();
    const [first = 0, second = 0] = childrenOf(served.pid);
    const [living] = (await pinToEach(port, [second])) as [Pinned];
    const comers: Promise<number>[] = [];
    process.kill(first, 'SIGKILL');
    while (childrenOf(served.pid).includes(first) || childrenOf(served.pid).length < 2) {
      const { status } = await living.send('/api/v2.0/users/current', { as: admin });
      assert.equal(status, 200);
      const comer = pin(port);
      comers.push(
        comer
          .send('/healthz')
          .then((reply) => reply.status)
          .finally(comer.close),
      );
    }
    for (const comer of await Promise.all(comers)) assert.equal(comer, 200);
    await served.prints(/"msg":"a worker ended: another one takes its place in 100 ms"/);
    for (const each of await pinToEach(port, await twoWorkers(served, first))) {
      assert.equal((await each.send('/readyz')).status, 200);
      const metrics = (await each.send('/metrics')).body.toString();
      assert.match(metrics, /^berth_workers_ended_total 1$/m);
      each.close();
    }
    living.close();
    assert.equal((await served.stop()).code, 0);
  });

  test('tell the metrics of all of them, of those that have died too', async () => {
    const served = servers.start(two);
    const port = await served.listens();
    const [one, other] = (await pinToEach(port, childrenOf(served.pid))) as [Pinned, Pinned];
    const told = async (worker: Pinned) => {
      const text = (await worker.send('/metrics')).body.toString();
      const counts = text.matchAll(/^berth_http_requests_total\{[^}]*\} (\d+)$/gm);
      const [, processes] = /^berth_processes (\d+)$/m.exec(text) ?? [];
      return {
        processes: Number(processes),
        requests: counts.reduce((sum, [, count]) => sum + Number(count), 0),
      };
    };
    for (let count = 0; count < 10; count++) await one.send('/api/v2.0/ping');
    for (let count = 0; count < 10; count++) await other.send('/api/v2.0/ping');
    const first = await told(one);
    assert.ok(first.requests >= 20);
    assert.deepEqual(await told(other), { processes: 3, requests: first.requests + 1 });
    const [dying = 0] = childrenOf(served.pid);
    process.kill(dying, 'SIGKILL');
    await twoWorkers(served, dying);
    assert.ok((await told(other)).requests > first.requests);
    one.close();
    other.close();
  });

  test('all serve the certificate that its files hold now', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-workers-tls-'));
    const files = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
    const authority = await createAuthority(Date.now());
    const issue = async (name: string) => {
      const key = await createLeafKey();
      const names = servedNames(`https://${name}`);
      writeFileSync(files.key, key);
      writeFileSync(files.certificate, await issueLeaf(authority, key, names, Date.now()));
    };
    await issue('first.example');
    const served = servers.start({
      ...two,
      BERTH_TLS_CERTIFICATE: files.certificate,
      BERTH_TLS_KEY: files.key,
    });
    const port = await served.listens();
    await issue('second.example');
    await waitFor(async () => served.printed().match(/was read again/g), {
      what: 'both workers read the certificate again',
      until: (lines) => lines?.length === 2,
    });
    for (let count = 0; count < 20; count++) {
      assert.match(await subjectAt(port), /second\.example/);
    }

    // And a worker that cannot start, again and again, ends the server with the reason.
    rmSync(folder, { recursive: true });
    const [first = 0] = childrenOf(served.pid);
    process.kill(first, 'SIGKILL');
    const { code, stderr } = await served.ended;
    assert.equal(code, 1);
    assert.match(stderr, /^berth: BERTH_TLS_CERTIFICATE names .* which cannot be read/);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });

  test('end with their supervisor, once their requests have ended', async () => {
    const served = servers.start(two);
    const port = await served.listens();
    const workers = childrenOf(served.pid);
    const [one, other] = (await pinToEach(port, workers)) as [Pinned, Pinned];
    const bytes = randomBytes(32 * 1024 * 1024);
    const pull = other.open(await pushBlob(one, admin, 'pulled', bytes), { as: admin });
    pull.end();
    const [response] = await once(pull, 'response');
    served.child.kill('SIGKILL');
    await waitFor(async () => lives(workers[0] ?? 0), {
      what: 'the end of the idle worker',
      until: (alive) => !alive,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(bytes));
    await waitFor(async () => workers.filter(lives), {
      what: 'the end of both workers',
      until: (alive) => alive.length === 0,
    });
    one.close();
    other.close();
  });

  test('are not started where the port is taken', async () => {
    const port = await servers.start().listens();
    const { code, stderr } = await servers.start({ ...two, BERTH_PORT: String(port) }).ended;
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^berth: Port ${port} is in use: .*\\n$`));
  });
});

function subjectAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subjectaltname));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
