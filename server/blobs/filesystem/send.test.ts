import assert from 'node:assert/strict';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { DestinationClosed } from '../blob-store.ts';
import { bytesOf, MiB } from '../conformance/support.ts';
import { sendFile } from './send.ts';
import { takeAllPooled } from './testing/pooled-slots.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';
import { TransferMemory } from './transfer-memory.ts';

const key = '0'.repeat(32);
const bytes = bytesOf(5 * MiB);
const whole = { first: 0, last: bytes.length - 1 };

async function openFile(context: TestContext) {
  const path = join(await temporaryFolder(context), key);
  await writeFile(path, bytes);
  const file = await open(path, 'r');
  context.after(() => file.close());
  return file;
}

function collector(received: Buffer[]): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      received.push(Buffer.from(chunk));
      done();
    },
  });
}

describe('sending a file', () => {
  test('goes on in small buffers when others hold all of the shared memory', async (context) => {
    const file = await openFile(context);
    const memory = new TransferMemory();
    takeAllPooled(memory);
    const received: Buffer[] = [];
    await sendFile(key, file, whole, collector(received), memory);
    assert.ok(bytes.equals(Buffer.concat(received)));
  });

  test('gives back every slot once, however it ends', async (context) => {
    const file = await openFile(context);
    const memory = new TransferMemory();
    const all = takeAllPooled(memory);
    for (const slot of all) memory.give(slot);
    const failing = () => new Writable({ write: (_chunk, _encoding, done) => done(new Error()) });

    await sendFile(key, file, whole, collector([]), memory);
    await sendFile(key, file, { first: 5, last: 5 }, collector([]), memory);
    await assert.rejects(sendFile(key, file, whole, failing(), memory), DestinationClosed);
    await assert.rejects(
      sendFile(key, file, { first: 0, last: bytes.length }, collector([]), memory),
    );
    const again = takeAllPooled(memory);
    assert.equal(again.length, all.length);
    assert.equal(new Set(again).size, all.length);
  });
});
