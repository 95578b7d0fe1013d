import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '#server/blobs/filesystem/durable.ts';

/** Puts a file of its owner's in place, whole and safe from power loss. */
export async function writeFileDurably(path: string, content: string | Uint8Array): Promise<void> {
  const part = `${path}.part`;
  {
    await using file = await open(part, 'w', 0o600);
    await file.writeFile(content);
    await file.sync();
  }
  await rename(part, path);
  await syncFolder(dirname(path));
}
