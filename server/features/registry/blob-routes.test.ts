import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blobOf, imageOf } from './testing/content.suite.ts';
import { expectRefusal, expectStatus, onEveryDatabase } from './testing/registry.suite.ts';
import { ageBlobLinks } from './testing/writes.suite.ts';

onEveryDatabase('a blob', (registry) => {
  test('is read back byte by byte, with its length and digest', async () => {
    const repository = registry.repository();
    for (const blob of [blobOf(3_000_000), blobOf('{}'), blobOf(64, { algorithm: 'sha512' })]) {
      await registry.pushBlob(repository, blob);
      for (const method of ['GET', 'HEAD']) {
        const path = `/v2/${repository}/blobs/${blob.digest}`;
        const { status, headers, body } = await registry.call(path, { method });
        assert.equal(status, 200);
        assert.equal(headers['content-length'], String(blob.size));
        assert.equal(headers['docker-content-digest'], blob.digest);
        assert.equal(headers['accept-ranges'], 'bytes');
        assert.equal(headers['content-type'], 'application/octet-stream');
        assert.match(headers['cache-control'] ?? '', /max-age=31536000/);
        assert.ok(body.equals(method === 'HEAD' ? Buffer.alloc(0) : blob.bytes));
      }
    }
  });

  test('of no bytes is a blob like others', async () => {
    const repository = registry.repository();
    const empty = await registry.pushBlob(repository, blobOf(''));
    const path = `/v2/${repository}/blobs/${empty.digest}`;
    const whole = await registry.call(path);
    expectStatus(whole, 200);
    assert.equal(whole.headers['content-length'], '0');
    const part = await registry.call(path, { headers: { range: 'bytes=0-' } });
    expectRefusal(part, 416, 'RANGE_INVALID');
    assert.equal(part.headers['content-range'], 'bytes */0');
  });

  test('is sent in part to who asks for a part', async () => {
    const repository = registry.repository();
    const blob = await registry.pushBlob(repository, blobOf(2048));
    const path = `/v2/${repository}/blobs/${blob.digest}`;
    const parts: [header: string, first: number, last: number][] = [
      ['bytes=500-1499', 500, 1499],
      ['bytes=500-', 500, 2047],
      ['bytes=0-', 0, 2047],
      ['bytes=-500', 1548, 2047],
      ['bytes=2000-5000', 2000, 2047],
      ['bytes=2047-2047', 2047, 2047],
    ];
    for (const [range, first, last] of parts) {
      for (const method of ['GET', 'HEAD']) {
        const reply = await registry.call(path, { method, headers: { range } });
        assert.equal(reply.status, 206, range);
        assert.equal(reply.headers['content-range'], `bytes ${first}-${last}/2048`);
        assert.equal(reply.headers['content-length'], String(last - first + 1));
        assert.equal(reply.headers['docker-content-digest'], blob.digest);
        if (method === 'GET') assert.ok(reply.body.equals(blob.bytes.subarray(first, last + 1)));
      }
    }
    for (const range of ['bytes=500-0', 'bytes=2048-', 'bytes=5000-10000', 'bytes=-0']) {
      const reply = await registry.call(path, { headers: { range } });
      assert.match(expectRefusal(reply, 416, 'RANGE_INVALID'), /2048 bytes/);
      assert.equal(reply.headers['content-range'], 'bytes */2048');
    }
    for (const range of ['bytes=0-1,5-6', 'lines=1-2', 'bytes=a-b', 'bytes=']) {
      const reply = await registry.call(path, { headers: { range } });
      expectStatus(reply, 200);
      assert.equal(reply.body.length, 2048);
    }
  });

  test('is sent whole when the part that is asked for belongs to another', async () => {
    const repository = registry.repository();
    const blob = await registry.pushBlob(repository, blobOf(100));
    const ask = (tag: string) =>
      registry.call(`/v2/${repository}/blobs/${blob.digest}`, {
        headers: { range: 'bytes=10-19', 'if-range': tag },
      });
    expectStatus(await ask(`"${blob.digest}"`), 206);
    expectStatus(await ask('"other"'), 200);
  });

  test('is not sent again to who has it, and never compressed', async () => {
    const repository = registry.repository();
    const blob = await registry.pushBlob(repository, blobOf('a'.repeat(10_000)));
    const path = `/v2/${repository}/blobs/${blob.digest}`;
    const known = await registry.call(path, { headers: { 'if-none-match': `"${blob.digest}"` } });
    expectStatus(known, 304);
    assert.equal(known.headers['docker-content-digest'], blob.digest);
    const reply = await registry.call(path, {
      headers: { 'accept-encoding': 'zstd,gzip,deflate' },
    });
    assert.equal(reply.headers['content-encoding'], undefined);
    assert.ok(reply.body.equals(blob.bytes));
  });

  test('that is known from elsewhere opens nothing', async () => {
    const repository = registry.repository();
    const { config } = await registry.pushImage(repository, 'v1');
    const other = registry.repository();
    await registry.pushImage(other, 'v1');
    for (const name of [other, `${repository}-absent`]) {
      for (const method of ['GET', 'HEAD', 'DELETE']) {
        const reply = await registry.call(`/v2/${name}/blobs/${config.digest}`, { method });
        assert.equal(reply.status, 404, `${method} ${name}`);
      }
    }
    expectStatus(await registry.call(`/v2/${repository}/blobs/${config.digest}`), 200);
  });

  test('under a digest that is none is refused, and one that is missing is told so', async () => {
    const repository = registry.repository();
    await registry.pushImage(repository, 'v1');
    const bad = [
      'sha256:short',
      `sha256:${'A'.repeat(64)}`,
      `sha256:${'0'.repeat(65)}`,
      `md5:${'0'.repeat(32)}`,
      'latest',
      '0'.repeat(300),
    ];
    for (const digest of bad) {
      for (const method of ['GET', 'DELETE']) {
        const reply = await registry.call(`/v2/${repository}/blobs/${digest}`, { method });
        expectRefusal(reply, 400, 'DIGEST_INVALID');
      }
    }
    const missing = await registry.call(`/v2/${repository}/blobs/${blobOf(8).digest}`);
    expectRefusal(missing, 404, 'BLOB_UNKNOWN');
  });

  test('is gone for its repository once deleted, and stays for others', async () => {
    const blob = blobOf(64);
    const repository = registry.repository();
    const other = registry.repository();
    for (const name of [repository, other]) await registry.pushBlob(name, blob);
    const path = `/v2/${repository}/blobs/${blob.digest}`;
    expectStatus(await registry.call(path, { method: 'DELETE' }), 202);
    expectStatus(await registry.call(path, { method: 'HEAD' }), 404);
    expectRefusal(await registry.call(path, { method: 'DELETE' }), 404, 'BLOB_UNKNOWN');
    expectStatus(await registry.call(`/v2/${other}/blobs/${blob.digest}`), 200);
    await registry.pushBlob(repository, blob);
    expectStatus(await registry.call(path), 200);
  });

  test('that a manifest needs cannot be deleted from under it', async () => {
    const repository = registry.repository();
    const { config, manifest } = await registry.pushImage(repository, 'v1');
    const path = `/v2/${repository}/blobs/${config.digest}`;
    const refused = await registry.call(path, { method: 'DELETE' });
    assert.match(expectRefusal(refused, 403, 'DENIED'), /delete that manifest first/);
    expectStatus(await registry.call(path), 200);
    const manifestPath = `/v2/${repository}/manifests/${manifest.digest}`;
    expectStatus(await registry.call(manifestPath, { method: 'DELETE' }), 202);
    expectStatus(await registry.call(path, { method: 'DELETE' }), 202);
  });

  test('that a pusher is told exists is kept for the manifest that follows', async () => {
    const repository = registry.repository();
    const blob = await registry.pushBlob(repository, blobOf(64));
    const { read, write } = await registry.database();
    const linked = async () => {
      const row = await read
        .selectFrom('repository_blobs')
        .innerJoin('blobs', 'blobs.id', 'repository_blobs.blob_id')
        .select('linked_at')
        .where('digest', '=', blob.digest)
        .executeTakeFirstOrThrow();
      return row.linked_at;
    };
    const path = `/v2/${repository}/blobs/${blob.digest}`;
    const first = await linked();
    expectStatus(await registry.call(path, { method: 'HEAD' }), 200);
    assert.equal(await linked(), first, 'a fresh link needs no write');
    await write(ageBlobLinks, { digest: blob.digest, linkedAt: first - 2 * 60 * 60 * 1000 });
    expectStatus(await registry.call(path), 200);
    assert.ok((await linked()) < first, 'a download promises nothing');
    expectStatus(await registry.call(path, { method: 'HEAD' }), 200);
    assert.ok((await linked()) >= first);
    expectStatus(await registry.pushManifest(repository, 'v1', imageOf(blob, [])), 201);
  });
});
