import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Parser, type ReadEntry } from 'tar';
import { fileContent } from './content.ts';
import { type TarEntry, writeTar } from './tar.ts';

interface Read {
  readonly path: string;
  readonly type: string;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly modified: number | undefined;
  readonly target: string;
  readonly text: string;
}

async function bytesOf(entries: Iterable<TarEntry>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeTar(entries)));
}

async function read(tar: Buffer): Promise<Read[]> {
  const entries: Read[] = [];
  const parser = new Parser({
    strict: true,
    onReadEntry(entry: ReadEntry) {
      const chunks: Buffer[] = [];
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () => {
        entries.push({
          path: entry.path,
          type: entry.type,
          mode: entry.mode,
          uid: entry.uid,
          modified: entry.mtime?.getTime(),
          target: entry.linkpath ?? '',
          text: Buffer.concat(chunks).toString(),
        });
      });
    },
  });
  const ended = new Promise((resolve, reject) => parser.on('end', resolve).on('error', reject));
  parser.end(tar);
  await ended;
  return entries;
}

test('files, folders and links are written with their modes, owners and no time', async () => {
  const tar = await bytesOf([
    { type: 'directory', path: 'app', uid: 1000 },
    { type: 'file', path: 'app/run', mode: 0o755, content: Buffer.from('#!/bin/sh') },
    { type: 'symlink', path: 'app/latest', target: './run' },
  ]);
  assert.equal(tar.length % 512, 0);
  const common = { uid: 0, modified: 0, target: '', text: '' };
  assert.deepEqual(await read(tar), [
    { ...common, path: 'app/', type: 'Directory', mode: 0o755, uid: 1000 },
    { ...common, path: 'app/run', type: 'File', mode: 0o755, text: '#!/bin/sh' },
    { ...common, path: 'app/latest', type: 'SymbolicLink', mode: 0o777, target: './run' },
  ]);
});

test('paths and contents of any length are read back as they were', async () => {
  const segment = fc.stringMatching(/^[a-zäλ0-9]{1,60}$/);
  const path = fc.array(segment, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('/'));
  const files = fc.uniqueArray(
    fc.tuple(path, fc.string({ unit: 'grapheme-ascii', maxLength: 1100 })),
    {
      selector: ([name]) => name,
      minLength: 1,
      maxLength: 4,
    },
  );
  await fc.assert(
    fc.asyncProperty(files, async (entries) => {
      const tar = await bytesOf(
        entries.map(([name, text]) => ({ type: 'file', path: name, content: Buffer.from(text) })),
      );
      assert.deepEqual(
        (await read(tar)).map((entry) => [entry.path, entry.text]),
        entries,
      );
    }),
  );
});

test('a file of the disk is read while the tar is written, each time anew', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-tar-'));
  try {
    const path = join(folder, 'file');
    await writeFile(path, 'x'.repeat(100_000));
    const content = await fileContent(path);
    const entries: TarEntry[] = [{ type: 'file', path: 'file', content }];
    const once = await bytesOf(entries);
    assert.equal((await read(once))[0]?.text.length, 100_000);
    assert.deepEqual(await bytesOf(entries), once);
    for (const size of [99_999, 100_001]) {
      await writeFile(path, 'x'.repeat(size));
      await assert.rejects(bytesOf(entries), /promised/);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
