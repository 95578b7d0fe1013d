import assert from 'node:assert/strict';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { bytesOf, digestOf, MiB } from '../conformance/support.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';
import { TransferMemory } from './transfer-memory.ts';
import { UploadThreads } from './upload-threads.ts';

function prepare(context: TestContext) {
  const memory = new TransferMemory();
  const threads = new UploadThreads(memory);
  context.after(() => threads.close());
  return { memory, threads };
}

describe('hashing and writing in a thread', () => {
  test('keeps uploads apart, and lets each go on after its digest', async (context) => {
    const { memory, threads } = prepare(context);
    const folder = await temporaryFolder(context);
    const uploads = await Promise.all(
      [1, 2, 3].map(async (seed) => {
        const file = await open(join(folder, String(seed)), 'w+');
        context.after(() => file.close());
        return { seed, file, upload: threads.begin({ hashed: true }), all: bytesOf(0) };
      }),
    );
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        uploads.map(async (one) => {
          const slot = memory.take();
          const bytes = bytesOf(MiB - one.seed, one.seed + round);
          slot.bytes.set(bytes);
          await one.upload.append(slot, bytes.length, one.file.fd, one.all.length);
          slot.bytes.fill(0);
          memory.give(slot);
          one.all = Buffer.concat([one.all, bytes]);
        }),
      );
      for (const { upload, seed, all } of uploads) {
        assert.equal(`sha256:${await upload.digest()}`, digestOf(all));
        assert.ok(all.equals(await readFile(join(folder, String(seed)))));
      }
    }
  });

  test('answers others while a large file is hashed', async (context) => {
    const { memory, threads } = prepare(context);
    const path = join(await temporaryFolder(context), 'large');
    const bytes = bytesOf(128 * MiB);
    await writeFile(path, bytes);
    let ended = false;
    const large = threads.digestFile(path, 'sha512', bytes.length).then((digest) => {
      ended = true;
      return digest;
    });
    const file = await open(join(await temporaryFolder(context), 'small'), 'w');
    context.after(() => file.close());
    await threads.begin({ hashed: true }).append(memory.take(), 10, file.fd, 0);
    assert.equal(ended, false);
    assert.equal(`sha512:${await large}`, digestOf(bytes, 'sha512'));
  });

  test('writes nothing after a write that failed, so that no file has a hole', async (context) => {
    const { memory, threads } = prepare(context);
    const path = join(await temporaryFolder(context), 'upload');
    await writeFile(path, '');
    const unwritable = await open(path, 'r');
    const writable = await open(path, 'r+');
    context.after(() => Promise.all([unwritable.close(), writable.close()]));
    const upload = threads.begin({ hashed: true });
    const slot = memory.take();
    await assert.rejects(upload.append(slot, MiB, unwritable.fd, 0), { code: 'EBADF' });
    await assert.rejects(upload.append(slot, MiB, writable.fd, MiB), { code: 'EBADF' });
    assert.equal((await stat(path)).size, 0);
  });

  test('rejects for a file that is missing or too short, and goes on', async (context) => {
    const { threads } = prepare(context);
    const path = join(await temporaryFolder(context), 'short');
    await assert.rejects(threads.digestFile(path, 'sha256', 1), /ENOENT/);
    await writeFile(path, 'four');
    await assert.rejects(threads.digestFile(path, 'sha256', 5), /shorter/);
    assert.equal(
      `sha256:${await threads.digestFile(path, 'sha256', 4)}`,
      digestOf(Buffer.from('four')),
    );
  });

  test('rejects what is awaited when it is closed, and what comes later', async (context) => {
    const { threads } = prepare(context);
    const path = join(await temporaryFolder(context), 'large');
    await writeFile(path, bytesOf(64 * MiB));
    const pending = assert.rejects(threads.digestFile(path, 'sha256', 64 * MiB), /has ended/);
    await threads.close();
    await pending;
    await assert.rejects(threads.digestFile(path, 'sha256', 1), /is closed/);
  });
});
