import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { bytesOf, digestOf, MiB } from '../conformance/support.ts';
import { Hashing } from './hashing.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';
import { TransferMemory } from './transfer-memory.ts';

function prepare(context: TestContext) {
  const memory = new TransferMemory();
  const hashing = new Hashing(memory);
  context.after(() => hashing.close());
  return { memory, hashing };
}

describe('hashing in a thread', () => {
  test('keeps hashes apart, and lets each go on after its digest', async (context) => {
    const { memory, hashing } = prepare(context);
    const hashes = [1, 2, 3].map((seed) => ({ seed, hash: hashing.inWorker(), all: bytesOf(0) }));
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        hashes.map(async (one) => {
          const slot = memory.take();
          const bytes = bytesOf(MiB - one.seed, one.seed + round);
          slot.bytes.set(bytes);
          await one.hash.update(slot, bytes.length);
          slot.bytes.fill(0);
          memory.give(slot);
          one.all = Buffer.concat([one.all, bytes]);
        }),
      );
      for (const { hash, all } of hashes) {
        assert.equal(`sha256:${await hash.digest()}`, digestOf(all));
      }
    }
  });

  test('answers others while a large file is hashed', async (context) => {
    const { memory, hashing } = prepare(context);
    const path = join(await temporaryFolder(context), 'large');
    const bytes = bytesOf(128 * MiB);
    await writeFile(path, bytes);
    let ended = false;
    const large = hashing.digestFile(path, 'sha512', bytes.length).then((digest) => {
      ended = true;
      return digest;
    });
    const hash = hashing.inWorker();
    const slot = memory.take();
    await hash.update(slot, 10);
    assert.equal(ended, false);
    assert.equal(`sha512:${await large}`, digestOf(bytes, 'sha512'));
  });

  test('rejects for a file that is missing or too short, and goes on', async (context) => {
    const { hashing } = prepare(context);
    const path = join(await temporaryFolder(context), 'short');
    await assert.rejects(hashing.digestFile(path, 'sha256', 1), /ENOENT/);
    await writeFile(path, 'four');
    await assert.rejects(hashing.digestFile(path, 'sha256', 5), /shorter/);
    assert.equal(
      `sha256:${await hashing.digestFile(path, 'sha256', 4)}`,
      digestOf(Buffer.from('four')),
    );
  });

  test('rejects what is awaited when it is closed, and what comes later', async (context) => {
    const { hashing } = prepare(context);
    const path = join(await temporaryFolder(context), 'large');
    await writeFile(path, bytesOf(64 * MiB));
    const pending = assert.rejects(hashing.digestFile(path, 'sha256', 64 * MiB), /has ended/);
    await hashing.close();
    await pending;
    await assert.rejects(hashing.digestFile(path, 'sha256', 1), /is closed/);
  });
});
