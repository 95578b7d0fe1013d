import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blobOf } from './testing/content.suite.ts';
import {
  expectRefusal,
  expectStatus,
  startRegistry,
  type TestRegistry,
} from './testing/registry.suite.ts';

const mebibyte = 1024 * 1024;
const isRoot = process.getuid?.() === 0;

describe('a store that is full', {
  skip: isRoot ? false : 'mounting a small disk needs root',
}, () => {
  let registry: TestRegistry;
  const disk = mkdtempSync(join(tmpdir(), 'berth-full-'));
  const elsewhere = mkdtempSync(join(tmpdir(), 'berth-elsewhere-'));
  before(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
    // The database keeps its space: what is full is the room for blobs.
    symlinkSync(elsewhere, join(disk, 'database'));
    registry = await startRegistry({ data: disk });
  });
  after(async () => {
    await registry?.stop();
    execFileSync('umount', [disk]);
    for (const folder of [disk, elsewhere]) rmSync(folder, { recursive: true });
  });

  const post = (repository: string, blob: ReturnType<typeof blobOf>) =>
    registry.call(`/v2/${repository}/blobs/uploads/?digest=${blob.digest}`, {
      method: 'POST',
      body: blob.bytes,
    });

  test('refuses pushes by a sentence, serves pulls, and takes pushes again when there is space', async () => {
    const repository = registry.repository();
    const image = await registry.pushImage(repository, 'v1');
    const small = await registry.pushBlob(repository, blobOf(mebibyte));
    const filling = join(disk, 'filling');
    writeFileSync(filling, Buffer.alloc(3 * mebibyte));

    const large = blobOf(5 * mebibyte);
    for (let count = 0; count < 3; count += 1) {
      const refused = await post(repository, large);
      assert.match(expectRefusal(refused, 507, 'UNKNOWN'), /no space left.*push again/);
    }
    const upload = await registry.beginUpload(repository);
    const patch = await registry.call(upload, { method: 'PATCH', body: large.bytes });
    expectRefusal(patch, 507, 'UNKNOWN');

    expectStatus(await registry.call(`/v2/${repository}/manifests/v1`), 200);
    for (const blob of [small, ...image.layers]) {
      const { body } = await registry.call(`/v2/${repository}/blobs/${blob.digest}`);
      assert.ok(body.equals(blob.bytes));
    }
    expectStatus(await registry.call(`/v2/${repository}/blobs/${large.digest}`), 404);

    unlinkSync(filling);
    const { headers } = await registry.call(upload);
    const received = Number(headers.range?.split('-')[1]) + 1;
    assert.ok(received > 1 && received < large.size, String(received));
    const rest = await registry.call(`${upload}?digest=${large.digest}`, {
      method: 'PUT',
      headers: { 'content-range': `${received}-${large.size - 1}` },
      body: large.bytes.subarray(received),
    });
    expectStatus(rest, 201);
    const { body } = await registry.call(`/v2/${repository}/blobs/${large.digest}`);
    assert.ok(body.equals(large.bytes));
    assert.deepEqual(readdirSync(join(disk, 'uploads')), [], 'what failed left no bytes');
  });
});
