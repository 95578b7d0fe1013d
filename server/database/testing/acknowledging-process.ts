// Writes without end into the folder of its first argument, and prints the name of each write once
// it is acknowledged. It is there to be killed.
import { openSqliteDatabase } from '../sqlite/sqlite-database.ts';
import { addSecret } from './suite-writes.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Which folder?');

const database = await openSqliteDatabase({
  folder,
  writes: new URL('./suite-writes.ts', import.meta.url),
  onFailure: (error) => {
    throw error;
  },
});

async function writeForEver(lane: number): Promise<void> {
  for (let count = 0; ; count++) {
    const name = await database.write(addSecret, {
      name: `${lane}-${count}`,
      sealed: new Uint8Array(1000),
    });
    process.stdout.write(`${name}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, (_, lane) => writeForEver(lane)));
