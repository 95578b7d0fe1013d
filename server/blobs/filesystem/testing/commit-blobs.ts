// Commits COUNT blobs at once in FOLDER, each as often as it takes to see what a second try says,
// and prints a line for each outcome the moment it is known. Run under strace by the tests.
import { openFilesystemBlobStore } from '../filesystem.ts';

const [folder = '', count = '1'] = process.argv.slice(2);
const store = await openFilesystemBlobStore({ folder });

async function* source() {
  yield Buffer.from('bytes');
}

async function commit(key: string): Promise<void> {
  try {
    await store.commit(key, 5);
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
if (process.argv[4] === '--twice') await Promise.all(keys.map(commit));
await store.close();
