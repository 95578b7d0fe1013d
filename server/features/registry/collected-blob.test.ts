import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { BlobLost, type BlobStore } from '#server/blobs/blob-store.ts';
import { openFilesystemBlobStore } from '#server/blobs/filesystem/filesystem.ts';
import type { Database } from '#server/database/database.ts';
import { createRegistryLifecycle } from '#server/http/lifecycle.ts';
import { anonymous } from '#server/permissions/principals.ts';
import { createRegistry } from './index.ts';
import { blobOf, imageOf } from './testing/content.suite.ts';
import { expectStatus, onEveryDatabase } from './testing/registry.suite.ts';
import { tamper } from './testing/writes.suite.ts';

async function serve(store: BlobStore, database: Database, failures: unknown[]) {
  const { handle } = createRegistry({
    database,
    store,
    loadGrants: (principal) => ({ principal, systemAdmin: true, projects: new Map() }),
    grace: 0,
    now: Date.now,
  });
  const server = createServer(
    createRegistryLifecycle({
      refresh: database.refresh,
      authenticate: () => ({ principal: anonymous }),
      handle,
      originOf: () => ({ origin: 'https://registry.test', address: '192.0.2.1' }),
      onRequest: () => {},
      onFailure: (_exchange, error) => failures.push(error),
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

onEveryDatabase('a blob that is collected', (registry) => {
  const pathOf = (key: string) => join(registry.server.folder, 'blobs', key.slice(0, 2), key);

  async function storageKey(digest: string): Promise<string> {
    const { read } = await registry.database();
    const row = await read
      .selectFrom('blobs')
      .select('storage_key as key')
      .where('digest', '=', digest)
      .executeTakeFirstOrThrow();
    return row.key;
  }

  /** As a collection does it: the blob is gone for everybody before its file is. */
  async function collect(digest: string): Promise<void> {
    const database = await registry.database();
    const key = await storageKey(digest);
    const change = { table: 'blobs', where: { digest }, set: { state: 'deleting' } } as const;
    await database.write(tamper, change);
    await rm(pathOf(key));
  }

  /** The server's own files, in which something happens before a blob is sent. */
  async function openStore(before: () => Promise<void>) {
    const store = await openFilesystemBlobStore({ folder: registry.server.folder });
    const send: BlobStore['send'] = async (...what) => {
      await before();
      await store.send(...what);
    };
    return { ...store, send, [Symbol.asyncDispose]: () => store.close() };
  }

  test('between the look for it and its first byte is unknown, as it is from then on', async () => {
    const repository = registry.repository();
    const blob = await registry.pushBlob(repository, blobOf(2_000));
    await using store = await openStore(() => collect(blob.digest));
    const failures: unknown[] = [];
    await using served = await serve(store, await registry.database(), failures);
    const reply = await fetch(`${served.origin}/v2/${repository}/blobs/${blob.digest}`);
    assert.equal(reply.status, 404);
    assert.match(await reply.text(), /BLOB_UNKNOWN/);
    assert.deepEqual(failures, []);
  });

  test('and one whose file alone is gone is a failure that the operator hears of', async () => {
    const repository = registry.repository();
    const { digest } = await registry.pushBlob(repository, blobOf(2_000));
    const database = await registry.database();
    const key = await storageKey(digest);
    await using store = await openStore(() => rm(pathOf(key)));
    const failures: unknown[] = [];
    await using served = await serve(store, database, failures);
    const reply = await fetch(`${served.origin}/v2/${repository}/blobs/${digest}`);
    assert.equal(reply.status, 500);
    assert.ok(failures[0] instanceof BlobLost);
  });

  test('is not there for HEAD, mount and a manifest, and comes anew by a push', async () => {
    const repository = registry.repository();
    const blob = await registry.pushBlob(repository, blobOf(300));
    const config = await registry.pushBlob(repository, blobOf(30));
    await collect(blob.digest);
    const path = `/v2/${repository}/blobs/${blob.digest}`;
    expectStatus(await registry.call(path, { method: 'HEAD' }), 404);
    const mount = `/v2/${registry.repository()}/blobs/uploads/?mount=${blob.digest}&from=${repository}`;
    expectStatus(await registry.call(mount, { method: 'POST' }), 202);
    const manifest = imageOf(config, [blob]);
    expectStatus(await registry.pushManifest(repository, '1.0', manifest), 400);
    await registry.pushBlob(repository, blob);
    expectStatus(await registry.pushManifest(repository, '1.0', manifest), 201);
    const pulled = await registry.call(path);
    expectStatus(pulled, 200);
    assert.ok(pulled.body.equals(blob.bytes));
  });
});
