import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blobOf } from '#server/features/registry/testing/content.suite.ts';
import { waitFor } from '#test/processes.ts';
import { senderTo, uploadBlob } from './sending.ts';
import {
  type Credential,
  createCredential,
  type ServerProcess,
  startServerProcess,
} from './server-process.ts';
import { beginRequest, type Wire } from './wire.ts';

const repository = 'crash/slow';
const mebibyte = 1024 * 1024;
const together = 20;
/** What a body may take to be found too slow, twice over, and some. */
const reaped = 120_000;

interface Rest {
  /** Of the data folder and of connections. */
  readonly open: number;
  readonly megabytes: number;
}

describe('clients that do not end what they begin', () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-slow-'));
  let server: ServerProcess;
  let credential: Credential;
  let large: ReturnType<typeof blobOf>;
  before(async () => {
    server = await startServerProcess({ folder });
    credential = await createCredential(server);
    large = blobOf(16 * mebibyte);
    // So that what is allocated once has been.
    await Promise.all(
      Array.from({ length: together }, (_, index) =>
        uploadBlob(sender(), repository, blobOf(mebibyte + index), 'chunks', 500_000),
      ),
    );
    await uploadBlob(sender(), repository, large, 'post', 0);
  });
  after(async () => {
    await server?.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  const sender = () => senderTo(server, credential);

  function restOf(): Rest {
    const open = readdirSync(`/proc/${server.pid}/fd`).filter((descriptor) => {
      try {
        const target = readlinkSync(`/proc/${server.pid}/fd/${descriptor}`);
        return target.startsWith('socket:') || target.startsWith(folder);
      } catch {
        return false;
      }
    });
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    return { open: open.length, megabytes: kilobytes / 1024 };
  }

  const pushing = (lines: readonly string[], body: Uint8Array) =>
    beginRequest(
      server,
      credential,
      `POST /v2/${repository}/blobs/uploads/?digest=${large.digest}`,
      lines,
      body,
    );

  /** Lets clients misbehave together; afterwards the server is as it was, and works. */
  async function returnsToRest(misbehave: () => Promise<void>): Promise<void> {
    await sender().expect(200, 'GET', '/v2/');
    const before = restOf();
    await misbehave();
    // The pool of this test's own connections may be smaller by then, so no more is what is asked.
    await waitFor(async () => restOf().open, {
      what: `the server to have ${before.open} files open`,
      until: (open) => open <= before.open,
      limit: reaped,
    });
    await uploadBlob(sender(), repository, blobOf(mebibyte), 'put', 0);
    const { megabytes } = restOf();
    assert.ok(megabytes < before.megabytes + 48, `${before.megabytes} MB before, now ${megabytes}`);
  }

  const all = (begin: () => Promise<Wire>) =>
    Promise.all(Array.from({ length: together }, () => begin()));

  test('by closing the socket leave nothing behind', async () => {
    await returnsToRest(async () => {
      const half = large.bytes.subarray(0, 8 * mebibyte);
      const wires = await all(() => pushing([`Content-Length: ${large.size}`], half));
      wires.forEach(({ socket }, index) => {
        if (index % 2 === 0) socket.resetAndDestroy();
        else socket.destroy();
      });
    });
  });

  test('by closing their half of it are told, or let go', async () => {
    await returnsToRest(async () => {
      const wires = await all(() =>
        pushing([`Content-Length: ${large.size}`], large.bytes.subarray(0, mebibyte)),
      );
      for (const { socket } of wires) socket.end();
      await Promise.all(wires.map(({ said }) => said));
    });
  });

  test('by sending no more, or a byte a second, are cut off', async () => {
    await returnsToRest(async () => {
      const chunked = ['Transfer-Encoding: chunked'];
      const silent = await all(() => pushing([`Content-Length: ${large.size}`], Buffer.alloc(100)));
      const dripping = await all(() => pushing(chunked, Buffer.from('3e8\r\n')));
      const drops = setInterval(() => {
        for (const { socket } of dripping) if (socket.writable) socket.write('x');
      }, 1_000);
      try {
        await Promise.all([...silent, ...dripping].map(({ said }) => said));
      } finally {
        clearInterval(drops);
        for (const { socket } of [...silent, ...dripping]) socket.destroy();
      }
    });
  });

  test('by not reading what they asked for hold no memory, and nothing once they are gone', async () => {
    await returnsToRest(async () => {
      const before = restOf().megabytes;
      const line = `GET /v2/${repository}/blobs/${large.digest}`;
      const wires = await all(async () => {
        const wire = await beginRequest(server, credential, line, [], Buffer.alloc(0));
        wire.socket.pause();
        return wire;
      });
      await sender().expect(200, 'GET', '/v2/');
      const held = restOf().megabytes - before;
      assert.ok(held < 100, `${together} clients hold ${held} MB of 320`);
      for (const { socket } of wires) {
        socket.destroy();
        if (!socket.closed) await once(socket, 'close');
      }
    });
  });
});
