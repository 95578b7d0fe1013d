import type { FileHandle } from 'node:fs/promises';
import { BlobLost, type ByteRange, DestinationClosed, type StorageKey } from '../blob-store.ts';
import type { Slot, TransferMemory } from './transfer-memory.ts';

/** Writes a range of a file to `destination`, reading the next slot while one is written. */
export async function sendFile(
  key: StorageKey,
  file: FileHandle,
  range: ByteRange,
  destination: NodeJS.WritableStream,
  memory: TransferMemory,
): Promise<void> {
  const end = range.last + 1;
  if (!(Number.isSafeInteger(range.first) && Number.isSafeInteger(end) && range.first >= 0)) {
    throw new RangeError(`No range of a blob: ${range.first}-${range.last}`);
  }
  if (end <= range.first) return;
  destination.on('error', reported);
  let current = memory.take();
  let other = memory.take();
  let position = range.first;
  let reading = fill(key, file, current, position, end);
  try {
    for (let bytes = await reading; ; ) {
      position += bytes.length;
      if (position === end) {
        await write(destination, bytes);
        destination.off('error', reported);
        return;
      }
      [current, other] = [other, current];
      reading = fill(key, file, current, position, end);
      [bytes] = await Promise.all([reading, write(destination, bytes)]);
    }
  } finally {
    // A read under way still writes into its slot.
    await Promise.allSettled([reading]);
    memory.give(current);
    memory.give(other);
  }
}

/**
 * A stream that fails a write says so again as an event, which would end the process if nobody
 * listened; the rejection has told it, so the listener of a failed send stays.
 */
function reported(): void {}

async function fill(
  key: StorageKey,
  file: FileHandle,
  slot: Slot,
  position: number,
  end: number,
): Promise<Uint8Array> {
  const wanted = Math.min(slot.bytes.length, end - position);
  const { bytesRead } = await file.read(slot.bytes, 0, wanted, position);
  if (bytesRead === 0) throw new BlobLost(key);
  return slot.bytes.subarray(0, bytesRead);
}

/** Resolves when `destination` is done with the memory of `bytes`. */
function write(destination: NodeJS.WritableStream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = () => settle(new DestinationClosed());
    const failed = (error: Error) => settle(new DestinationClosed({ cause: error }));
    const settle = (error?: Error) => {
      destination.off('close', closed);
      destination.off('error', failed);
      if (error === undefined) resolve();
      else reject(error);
    };
    // A stream that has closed already says so no more.
    if ('destroyed' in destination && destination.destroyed) return reject(new DestinationClosed());
    destination.on('close', closed);
    destination.on('error', failed);
    destination.write(bytes, (error) => {
      if (error) failed(error);
      else settle();
    });
  });
}
