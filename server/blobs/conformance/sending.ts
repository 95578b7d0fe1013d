import assert from 'node:assert/strict';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connect, createServer as createTlsServer } from 'node:tls';
import { BlobLost, DestinationClosed } from '../blob-store.ts';
import { bytesOf, commit, MiB, type OpenStore, sentBytes } from './support.ts';

export function describeSending(open: OpenStore): void {
  describe('sending', () => {
    test('sends exactly the range that is asked for', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(3 * MiB + 5);
      const key = await commit(store, bytes);
      const last = bytes.length - 1;
      const ranges = [
        [0, last],
        [0, 0],
        [last, last],
        [1, last],
        [0, last - 1],
        [MiB - 1, MiB],
        [MiB, 2 * MiB - 1],
        [500_000, 2_500_000],
      ] as const;
      for (const [first, last] of ranges) {
        const sent = await sentBytes(store, key, { first, last });
        assert.ok(bytes.subarray(first, last + 1).equals(sent), `${first}-${last}`);
      }
    });

    test('sends nothing of an empty blob, and fails beyond the end of any', async (context) => {
      const { store } = await open(context);
      const empty = await commit(store, bytesOf(0));
      assert.equal((await sentBytes(store, empty, { first: 0, last: -1 })).length, 0);
      const key = await commit(store, bytesOf(10));
      await assert.rejects(sentBytes(store, key, { first: 0, last: 10 }), BlobLost);
      await assert.rejects(sentBytes(store, key, { first: 10, last: 10 }), BlobLost);
      await assert.rejects(sentBytes(store, key, { first: -1, last: 3 }), RangeError);
      await assert.rejects(sentBytes(store, key, { first: 0, last: Number.NaN }), RangeError);
    });

    test('leaves the destination open for more', async (context) => {
      const { store } = await open(context);
      const one = await commit(store, bytesOf(10, 1));
      const two = await commit(store, bytesOf(10, 2));
      const destination = new SlowDestination();
      await store.send(one, { first: 0, last: 9 }, destination);
      await store.send(two, { first: 0, last: 9 }, destination);
      assert.deepEqual(destination.content(), Buffer.concat([bytesOf(10, 1), bytesOf(10, 2)]));
      assert.equal(destination.writableEnded, false);
    });

    test('gives a slow destination the right bytes, and only what it takes', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(16 * MiB);
      const key = await commit(store, bytes);
      const destination = new SlowDestination(5);
      const sending = store.send(key, { first: 0, last: bytes.length - 1 }, destination);
      while (destination.writableLength === 0) await turn();
      for (let turns = 0; turns < 200; turns++) {
        assert.ok(destination.writableLength <= 4 * MiB);
        await turn();
      }
      await sending;
      assert.ok(bytes.equals(destination.content()));
    });

    test('ends well when the blob is deleted meanwhile', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(8 * MiB);
      const key = await commit(store, bytes);
      const destination = new SlowDestination(5);
      const sending = store.send(key, { first: 0, last: bytes.length - 1 }, destination);
      while (destination.writableLength === 0) await turn();
      await store.delete(key);
      assert.equal(await store.size(key), undefined);
      await sending;
      assert.ok(bytes.equals(destination.content()));
    });

    test('stops when the destination closes midway, or fails, or was closed before', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(8 * MiB);
      const key = await commit(store, bytes);
      const whole = { first: 0, last: bytes.length - 1 };

      const silent = new Writable({ write() {} });
      const toSilent = store.send(key, whole, silent);
      while (silent.writableLength === 0) await turn();
      silent.destroy();
      await assert.rejects(toSilent, DestinationClosed);

      const failing = new Writable({
        write(_chunk, _encoding, done) {
          done(new Error('broken pipe'));
        },
      });
      await assert.rejects(store.send(key, whole, failing), DestinationClosed);

      await assert.rejects(store.send(key, whole, silent), DestinationClosed);
      assert.ok(bytes.equals(await sentBytes(store, key, whole)));
    });

    test('serves HTTP clients, and notices those that go away', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(24 * MiB);
      const key = await commit(store, bytes);
      const outcomes: Promise<void>[] = [];
      const server = createServer((_request, response) => {
        response.writeHead(200, { 'content-length': bytes.length });
        const sending = store.send(key, { first: 0, last: bytes.length - 1 }, response);
        outcomes.push(sending);
        sending.then(
          () => response.end(),
          () => {},
        );
      });
      context.after(() => server.close());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const request = () =>
        new Promise<IncomingMessage>((resolve, reject) => {
          get({ port, agent: false }, resolve).on('error', reject);
        });

      const gone = await request();
      gone.on('error', () => {});
      gone.destroy();
      await assert.rejects(outcomes[0] ?? Promise.resolve(), DestinationClosed);

      const received = await Promise.all(
        [1, 2, 3, 4].map(async () => await buffer(await request())),
      );
      for (const body of received) assert.ok(bytes.equals(body));
      await Promise.all(outcomes.slice(1));
    });

    test('serves TLS clients the same bytes', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(24 * MiB);
      const key = await commit(store, bytes);
      // A key that both sides know stands in for certificates.
      const psk = { psk: Buffer.alloc(16, 1), identity: 'test' };
      const common = { ciphers: 'PSK', maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } as const;
      const server = createTlsServer({ ...common, pskCallback: () => psk.psk }, async (socket) => {
        await store.send(key, { first: 0, last: bytes.length - 1 }, socket);
        socket.end();
      });
      context.after(() => server.close());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const received = await Promise.all(
        [1, 2, 3].map(() => {
          const options = { ...common, port, host: '127.0.0.1', pskCallback: () => psk };
          return buffer(connect({ ...options, checkServerIdentity: () => undefined }));
        }),
      );
      for (const body of received) assert.ok(bytes.equals(body));
    });
  });
}

/** Looks at a chunk's memory only `turns` turns of the event loop after it was given. */
class SlowDestination extends Writable {
  readonly #turns: number;
  readonly #received: Buffer[] = [];

  constructor(turns = 0) {
    super();
    this.#turns = turns;
  }

  override async _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): Promise<void> {
    for (let turns = 0; turns < this.#turns; turns++) await turn();
    this.#received.push(Buffer.from(chunk));
    done();
  }

  content(): Buffer {
    return Buffer.concat(this.#received);
  }
}
