import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestOptions } from '#test/server.ts';
import { blobOf, type Content } from './testing/content.suite.ts';
import { expectRefusal, expectStatus, onEveryDatabase } from './testing/registry.suite.ts';

onEveryDatabase('an upload', (registry) => {
  async function expectBlob(repository: string, location: string | undefined, blob: Content) {
    assert.equal(location, `/v2/${repository}/blobs/${blob.digest}`);
    const reply = await registry.call(location ?? '');
    expectStatus(reply, 200);
    assert.ok(reply.body.equals(blob.bytes));
  }

  const send = (method: string, path: string, options: RequestOptions = {}) =>
    registry.call(path, { method, ...options });

  const chunk = (bytes: Buffer, first: number): RequestOptions => ({
    body: bytes,
    headers: { 'content-range': `${first}-${first + bytes.length - 1}` },
  });

  const blobs = [blobOf(100_000), blobOf(''), blobOf('{}'), blobOf(5_000, { algorithm: 'sha512' })];

  test('in one POST is a blob at once', async () => {
    const repository = registry.repository();
    for (const blob of blobs) {
      const path = `/v2/${repository}/blobs/uploads/?digest=${blob.digest}`;
      const reply = await send('POST', path, { body: blob.bytes });
      expectStatus(reply, 201);
      assert.equal(reply.headers['docker-content-digest'], blob.digest);
      await expectBlob(repository, reply.headers.location, blob);
    }
  });

  test('of POST and PUT is a blob, whose digest is known at the PUT only', async () => {
    const repository = registry.repository();
    for (const blob of blobs) {
      const begun = await send('POST', `/v2/${repository}/blobs/uploads/`);
      expectStatus(begun, 202);
      assert.equal(begun.headers.range, '0-0');
      assert.equal(begun.headers['content-length'], '0');
      assert.match(begun.headers.location ?? '', new RegExp(`^/v2/${repository}/blobs/uploads/`));
      const done = await send('PUT', `${begun.headers.location}?digest=${blob.digest}`, {
        body: blob.bytes,
      });
      expectStatus(done, 201);
      await expectBlob(repository, done.headers.location, blob);
      expectStatus(await registry.call(begun.headers.location ?? ''), 404);
    }
  });

  test('streamed by one PATCH without a Content-Range is a blob after an empty PUT', async () => {
    const repository = registry.repository();
    for (const blob of blobs) {
      const upload = await registry.beginUpload(repository);
      const patched = await send('PATCH', upload, { body: blob.bytes });
      expectStatus(patched, 202);
      assert.equal(patched.headers.range, `0-${Math.max(blob.size - 1, 0)}`);
      assert.equal(patched.headers.location, upload);
      const done = await send('PUT', `${upload}?digest=${blob.digest}`);
      expectStatus(done, 201);
      await expectBlob(repository, done.headers.location, blob);
    }
  });

  test('in chunks is a blob, the last one in a PATCH or in the PUT', async () => {
    const repository = registry.repository();
    for (const lastInPut of [false, true]) {
      const blob = blobOf(2_500);
      const upload = await registry.beginUpload(repository);
      const cuts = [0, 1_000, 2_000, 2_500];
      for (const [index, first] of cuts.slice(0, lastInPut ? 2 : 3).entries()) {
        const end = cuts[index + 1] ?? 0;
        const reply = await send('PATCH', upload, chunk(blob.bytes.subarray(first, end), first));
        expectStatus(reply, 202);
        assert.equal(reply.headers.range, `0-${end - 1}`);
        const status = await registry.call(upload);
        expectStatus(status, 204);
        assert.equal(status.headers.range, `0-${end - 1}`);
        assert.equal(status.headers.location, upload);
      }
      const rest = lastInPut ? chunk(blob.bytes.subarray(2_000), 2_000) : {};
      const done = await send('PUT', `${upload}?digest=${blob.digest}`, rest);
      expectStatus(done, 201);
      await expectBlob(repository, done.headers.location, blob);
    }
  });

  test('survives chunks out of order, and says where to go on', async () => {
    const repository = registry.repository();
    const blob = blobOf(3_000);
    const upload = await registry.beginUpload(repository);
    const whole = `${upload}?digest=${blob.digest}`;
    const late = chunk(blob.bytes.subarray(2_000), 2_000);
    const attempts = async (range: string) => {
      for (const [method, path] of [
        ['PATCH', upload],
        ['PUT', whole],
      ] as const) {
        const refused = await send(method, path, late);
        assert.match(expectRefusal(refused, 416, 'RANGE_INVALID'), /go on at byte \d+/);
        assert.equal(refused.headers.location, upload);
        assert.equal(refused.headers.range, range);
        const status = await registry.call(whole);
        expectStatus(status, 204);
        assert.equal(status.headers.range, range);
      }
    };
    await attempts('0-0');
    expectStatus(await send('PATCH', upload, chunk(blob.bytes.subarray(0, 1_000), 0)), 202);
    await attempts('0-999');
    const again = await send('PATCH', upload, chunk(blob.bytes.subarray(0, 1_000), 0));
    expectRefusal(again, 416, 'RANGE_INVALID');
    expectStatus(await send('PATCH', upload, chunk(blob.bytes.subarray(1_000, 2_000), 1_000)), 202);
    const done = await send('PUT', whole, late);
    expectStatus(done, 201);
    await expectBlob(repository, done.headers.location, blob);
  });

  test('whose Content-Range is wrong stays as it was', async () => {
    const repository = registry.repository();
    const blob = blobOf(1_000);
    const upload = await registry.beginUpload(repository);
    const body = blob.bytes;
    const ranges: [header: string, code: string][] = [
      ['a-b', 'BLOB_UPLOAD_INVALID'],
      ['999-0', 'BLOB_UPLOAD_INVALID'],
      ['-1-5', 'BLOB_UPLOAD_INVALID'],
      [`0-${'9'.repeat(20)}`, 'BLOB_UPLOAD_INVALID'],
      ['0-998', 'SIZE_INVALID'],
      ['0-1000', 'SIZE_INVALID'],
    ];
    for (const [header, code] of ranges) {
      const reply = await send('PATCH', upload, { body, headers: { 'content-range': header } });
      expectRefusal(reply, 400, code);
    }
    assert.equal((await registry.call(upload)).headers.range, '0-0');
    const bytesForm = { body, headers: { 'content-range': 'bytes 0-999/1000' } };
    expectStatus(await send('PATCH', upload, bytesForm), 202);
    expectStatus(await send('PUT', `${upload}?digest=${blob.digest}`), 201);
  });

  test('whose bytes have another digest is refused, gone, and leaves no blob', async () => {
    const repository = registry.repository();
    const blob = blobOf(1_000);
    const claimed = blobOf(1_000);
    const upload = await registry.beginUpload(repository);
    const replies = [
      await send('PUT', `${upload}?digest=${claimed.digest}`, { body: blob.bytes }),
      await send('POST', `/v2/${repository}/blobs/uploads/?digest=${claimed.digest}`, {
        body: blob.bytes,
      }),
    ];
    for (const reply of replies) {
      assert.match(expectRefusal(reply, 400, 'DIGEST_INVALID'), new RegExp(blob.digest));
    }
    expectRefusal(await registry.call(upload), 404, 'BLOB_UPLOAD_UNKNOWN');
    for (const { digest } of [blob, claimed]) {
      expectStatus(await registry.call(`/v2/${repository}/blobs/${digest}`), 404);
    }
  });

  test('is not begun or finished under a digest that is none', async () => {
    const repository = registry.repository();
    const upload = await registry.beginUpload(repository);
    for (const digest of ['', 'sha256:abc', `md5:${'0'.repeat(32)}`, 'x'.repeat(1_000)]) {
      const query = `?digest=${digest}`;
      expectRefusal(await send('PUT', upload + query), 400, 'DIGEST_INVALID');
      const path = `/v2/${repository}/blobs/uploads/${query}`;
      expectRefusal(await send('POST', path, { body: 'x' }), 400, 'DIGEST_INVALID');
    }
    expectRefusal(await send('PUT', upload), 400, 'DIGEST_INVALID');
    const algorithm = `/v2/${repository}/blobs/uploads/?digest-algorithm=`;
    expectRefusal(await send('POST', `${algorithm}md5`), 400, 'DIGEST_INVALID');
    expectStatus(await send('POST', `${algorithm}sha512`), 202);
    expectStatus(await registry.call(upload), 204);
  });

  test('that is cancelled is gone', async () => {
    const repository = registry.repository();
    const blob = blobOf(100);
    const upload = await registry.beginUpload(repository);
    expectStatus(await send('PATCH', upload, { body: blob.bytes }), 202);
    expectStatus(await send('DELETE', upload), 204);
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      expectRefusal(await send(method, upload), 404, 'BLOB_UPLOAD_UNKNOWN');
    }
    const finish = await send('PUT', `${upload}?digest=${blob.digest}`);
    expectRefusal(finish, 404, 'BLOB_UPLOAD_UNKNOWN');
  });

  test('is known to its repository only, and by a name that could be one', async () => {
    const repository = registry.repository();
    const upload = await registry.beginUpload(repository);
    const id = upload.split('/').at(-1) ?? '';
    const ids = [
      id.toUpperCase(),
      `${id}0`,
      'x',
      '%00',
      '..',
      "'",
      '%F0%9F%98%80',
      '0'.repeat(500),
    ];
    const paths = [
      `/v2/${registry.repository()}/blobs/uploads/${id}`,
      ...ids.map((other) => `/v2/${repository}/blobs/uploads/${other}`),
    ];
    for (const path of paths) {
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        expectRefusal(await send(method, path), 404, 'BLOB_UPLOAD_UNKNOWN');
      }
    }
    expectStatus(await registry.call(upload), 204);
  });
});
