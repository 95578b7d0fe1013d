import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type TarEntry, writeTar } from '#oci/tar.ts';

const folder = join(import.meta.dirname, 'chart');
const name = 'berth';

/** The chart in `deploy/chart`, as `helm package` makes it: the same bytes for the same files. */
export async function berthChart(): Promise<Uint8Array> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    // Helm looks for it first, as its own archives have it.
    .sort(
      (one, other) =>
        Number(other === 'Chart.yaml') - Number(one === 'Chart.yaml') || (one < other ? -1 : 1),
    );
  const entries = await Promise.all(
    paths.map(
      async (path): Promise<TarEntry> => ({
        type: 'file',
        path: `${name}/${path}`,
        content: await readFile(join(folder, path)),
      }),
    ),
  );
  return promisify(gzip)(await buffer(writeTar(entries)));
}
