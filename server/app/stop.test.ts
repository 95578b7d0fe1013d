import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { pin, pushBlob, readReply } from '#test/pinned.ts';
import { waitFor } from '#test/processes.ts';
import { childrenOf, lives, type Served, servedForTests, servedPassword } from '#test/served.ts';

const admin = `admin:${servedPassword}`;
const bytes = randomBytes(32 * 1024 * 1024);
const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

for (const workers of ['1', '2']) {
  describe(`a server of ${workers} that is told to stop`, () => {
    const servers = servedForTests();
    afterEach(servers.end);
    const settings = { BERTH_WORKERS: workers };

    function takesNoMore(port: number): Promise<true> {
      return waitFor(
        () =>
          new Promise<boolean>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => resolve(false));
            socket.once('error', () => resolve(true));
            socket.once('close', () => resolve(false));
            socket.unref();
          }),
        { what: 'the end of listening' },
      ) as Promise<true>;
    }

    async function serving(): Promise<{ served: Served & { folder: string }; port: number }> {
      const served = servers.start(settings);
      return { served, port: await served.listens() };
    }

    test('ends at once while only idle connections are open', async () => {
      const { served, port } = await serving();
      const idle = pin(port);
      assert.equal((await idle.send('/healthz')).status, 200);
      const silent = connect(port, '127.0.0.1');
      await once(silent, 'connect');
      const began = performance.now();
      const { code, stderr } = await served.stop();
      assert.equal(code, 0);
      assert.equal(stderr, '');
      // Of 25 s that requests would have.
      assert.ok(performance.now() - began < 15_000);
      idle.close();
      silent.destroy();
    });

    test('lets a pull and a push end byte for byte, and takes nothing new', async () => {
      const { served, port } = await serving();
      const [puller, pusher] = [pin(port), pin(port)];
      const pull = puller.open(await pushBlob(pusher, admin, 'pulled', bytes), { as: admin });
      pull.end();
      const [response] = await once(pull, 'response');
      const push = pusher.open(`/v2/library/pushed/blobs/uploads/?digest=${digest}`, {
        method: 'POST',
        as: admin,
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(bytes.length),
        },
      });
      push.write(bytes.subarray(0, 1_000_000));
      // Both are under way once the second has been seen.
      await waitFor(async () => (await scrape(port)).includes('requests_in_progress 3'), {
        what: 'three requests',
      });
      const ended = served.stop();
      await takesNoMore(port);
      assert.ok(lives(served.pid));
      push.end(bytes.subarray(1_000_000));
      const { status, headers } = await readReply(push);
      assert.equal(status, 201);
      assert.equal(headers.connection, 'close');
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      assert.ok(Buffer.concat(chunks).equals(bytes));
      assert.equal((await ended).code, 0);

      const again = servers.start(settings, served.folder);
      const pulled = await pin(await again.listens()).send(`/v2/library/pushed/blobs/${digest}`, {
        as: admin,
      });
      assert.ok(pulled.body.equals(bytes));
      await again.stop();
    });

    test('ends at once when it is told again', async () => {
      const { served, port } = await serving();
      const client = pin(port);
      const pull = client.open(await pushBlob(client, admin, 'pulled', bytes), { as: admin });
      pull.end();
      const [response] = await once(pull, 'response');
      const processes = childrenOf(served.pid);
      served.child.kill('SIGTERM');
      await takesNoMore(port);
      served.child.kill('SIGINT');
      assert.equal((await served.ended).code, 130);
      await waitFor(async () => processes.filter(lives), {
        what: 'the end of its workers',
        until: (alive) => alive.length === 0,
      });
      await assert.rejects(async () => {
        for await (const _chunk of response);
      });
    });
  });
}

async function scrape(port: number): Promise<string> {
  const client = pin(port);
  try {
    return (await client.send('/metrics')).body.toString();
  } finally {
    client.close();
  }
}
