import assert from 'node:assert/strict';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { bytesOf, chunksOf, digestOf, MiB } from '../conformance/support.ts';
import { takeAllPooled } from './testing/pooled-slots.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';
import { TransferMemory } from './transfer-memory.ts';
import { UploadThreads } from './upload-threads.ts';
import { UploadWriter } from './upload-writer.ts';

async function prepare(context: TestContext, flags: 'w+' | 'r') {
  const path = join(await temporaryFolder(context), 'upload');
  await (await open(path, 'w')).close();
  const file = await open(path, flags);
  const memory = new TransferMemory();
  const threads = new UploadThreads(memory);
  context.after(async () => {
    await file.close();
    await threads.close();
  });
  return { path, file, memory, threads };
}

describe('writing an upload', () => {
  test('goes on in small buffers when others hold all of the shared memory', async (context) => {
    const { path, file, memory, threads } = await prepare(context, 'w+');
    takeAllPooled(memory);
    const bytes = bytesOf(3 * MiB + 11);
    const writer = new UploadWriter(file, 0, undefined, memory, threads);
    for await (const chunk of chunksOf(bytes, 100_000)) await writer.add(chunk);
    await writer.finish();
    assert.ok(bytes.equals(await readFile(path)));
    assert.equal(`sha256:${await writer.hash?.digest()}`, digestOf(bytes));
  });

  test('gives back every slot once, when it ends and when the disk fails', async (context) => {
    for (const flags of ['w+', 'r'] as const) {
      const { file, memory, threads } = await prepare(context, flags);
      const all = takeAllPooled(memory);
      all.forEach((slot) => {
        memory.give(slot);
      });
      const writer = new UploadWriter(file, 0, undefined, memory, threads);
      const written = (async () => {
        try {
          for await (const chunk of chunksOf(bytesOf(9 * MiB))) await writer.add(chunk);
        } finally {
          await writer.finish();
        }
      })();
      if (flags === 'r') await assert.rejects(written, { code: 'EBADF' });
      else await written;
      assert.equal(writer.hash === undefined, flags === 'r');
      const again = takeAllPooled(memory);
      assert.equal(again.length, all.length);
      assert.equal(new Set(again).size, all.length);
    }
  });

  test('hashes small uploads here and large ones in the worker', async (context) => {
    const { file, memory, threads } = await prepare(context, 'w+');
    for (const [size, thread] of [
      [256 * 1024, 'main'],
      [256 * 1024 + 1, 'worker'],
    ] as const) {
      const writer = new UploadWriter(file, 0, undefined, memory, threads);
      for await (const chunk of chunksOf(bytesOf(size))) await writer.add(chunk);
      await writer.finish();
      assert.equal(writer.hash?.thread, thread);
    }
  });

  test('does not hash a large body here because a small one went before it', async (context) => {
    const { file, memory, threads } = await prepare(context, 'w+');
    const small = new UploadWriter(file, 0, undefined, memory, threads);
    await small.add(bytesOf(100));
    await small.finish();
    const next = new UploadWriter(file, 100, small.hash, memory, threads);
    await next.add(bytesOf(1000));
    await next.finish();
    assert.equal(next.hash?.thread, 'main');
    const large = new UploadWriter(file, 1100, next.hash, memory, threads);
    await large.add(bytesOf(2 * MiB));
    await large.finish();
    assert.equal(large.hash, undefined);
  });

  test('does without a hash when the threads thread ends midway', async (context) => {
    const { path, file, memory, threads } = await prepare(context, 'w+');
    const bytes = bytesOf(8 * MiB);
    const writer = new UploadWriter(file, 0, undefined, memory, threads);
    await writer.add(bytes.subarray(0, 2 * MiB));
    await threads.close();
    await writer.add(bytes.subarray(2 * MiB));
    await writer.finish();
    assert.equal(writer.hash, undefined);
    assert.ok(bytes.equals(await readFile(path)));
  });
});
