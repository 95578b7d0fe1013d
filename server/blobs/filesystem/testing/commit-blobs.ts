// Uploads COUNT blobs of SIZE bytes to the store in FOLDER, commits them all at once (and again with
// --twice), and prints each outcome when it is known. Run under strace by the tests.
import { openFilesystemBlobStore } from '../filesystem.ts';

const [folder = '', count, size, twice] = process.argv.slice(2);
const store = await openFilesystemBlobStore({ folder });

async function* source() {
  yield Buffer.alloc(Number(size));
}

async function commit(key: string): Promise<void> {
  try {
    await store.commit(key, Number(size));
    process.stdout.write(`committed ${key}\n`);
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? error.name : 'unknown'} ${key}\n`);
  }
}

const keys: string[] = [];
for (let n = 0; n < Number(count); n++) {
  const key = await store.begin();
  await store.append(key, 0, source());
  keys.push(key);
}
await Promise.all(keys.map(commit));
if (twice === '--twice') await Promise.all(keys.map(commit));
await store.close();
