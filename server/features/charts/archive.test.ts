import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type ArchiveEntry, archiveOf, chartArchive, tarOf } from '#test/charts.ts';
import { readArchive } from './archive.ts';
import { archiveLimits } from './archive-limits.ts';
import { UnreadableChart } from './errors.ts';

async function* inPieces(bytes: Uint8Array, length = 1_000) {
  for (let start = 0; start < bytes.length; start += length) {
    yield bytes.subarray(start, start + length);
  }
}

const read = (bytes: Uint8Array, limits = archiveLimits) => readArchive(inPieces(bytes), limits);

function refuses(bytes: Uint8Array, pattern: RegExp, limits = archiveLimits) {
  return assert.rejects(read(bytes, limits), (error) => {
    assert.ok(error instanceof UnreadableChart, String(error));
    assert.match(error.message, pattern);
    return true;
  });
}

const chartYaml: ArchiveEntry = { path: 'nginx/Chart.yaml', content: 'name: nginx\n' };

describe('reading a chart archive', () => {
  test('keeps what people look at, and nothing else', async () => {
    const { files, notes } = await read(
      chartArchive({
        chartYaml: 'name: nginx\n',
        files: {
          'README.md': '# nginx\n',
          'values.yaml': '# how many\nreplicas: 1\n',
          'values.schema.json': '{}',
          'templates/service.yaml': 'kind: Service\n',
          'crds/things.yaml': 'kind: CustomResourceDefinition\n',
          'charts/redis/Chart.yaml': 'name: redis\n',
          'charts/redis/values.yaml': 'a: 1\n',
          'icon.png': new Uint8Array([0, 1, 2]),
        },
      }),
    );
    assert.deepEqual(Object.fromEntries(files), {
      'Chart.yaml': 'name: nginx\n',
      'README.md': '# nginx\n',
      'values.yaml': '# how many\nreplicas: 1\n',
      'values.schema.json': '{}',
      'templates/service.yaml': 'kind: Service\n',
      'crds/things.yaml': 'kind: CustomResourceDefinition\n',
    });
    assert.deepEqual(notes, []);
  });

  test('takes off a byte order mark, and leaves no NUL for the database', async () => {
    const { files } = await read(
      archiveOf([{ path: 'a/Chart.yaml', content: '\ufeffname: a\0b\n' }]),
    );
    assert.equal(files.get('Chart.yaml'), 'name: a\ufffdb\n');
  });

  test('reads an archive that arrives byte by byte', async () => {
    const { files } = await readArchive(inPieces(archiveOf([chartYaml]), 1));
    assert.equal(files.get('Chart.yaml'), 'name: nginx\n');
  });

  for (const [what, entry, reason] of [
    ['a path that leads out', { path: 'nginx/../../templates/x' }, /leads out of the chart/],
    ['an absolute path', { path: '/nginx/templates/x' }, /absolute/],
    ['a path with a drive', { path: 'c:/nginx/templates/x' }, /absolute/],
    ['a path out in Windows style', { path: 'nginx\\..\\templates\\x' }, /leads out of the chart/],
    [
      'a symbolic link',
      { path: 'nginx/values.yaml', type: 'SymbolicLink', linkpath: '/etc/passwd' },
      /no file but a link/,
    ],
    [
      'a hard link',
      { path: 'nginx/values.yaml', type: 'Link', linkpath: 'nginx/Chart.yaml' },
      /no file but a link/,
    ],
    ['a long path', { path: `nginx/templates/${'x'.repeat(1_100)}` }, /longer than 1024/],
    ['a deep path', { path: `nginx/templates/${'a/'.repeat(40)}x` }, /deeper than 32/],
    [
      'a large file',
      { path: 'nginx/values.yaml', content: 'x'.repeat(1024 * 1024 + 1) },
      /larger than 1048576 bytes/,
    ],
  ] as const satisfies readonly (readonly [string, ArchiveEntry, RegExp])[]) {
    test(`ignores ${what}, says so, and reads the rest`, async () => {
      const { files, notes } = await read(archiveOf([entry, chartYaml]));
      assert.deepEqual([...files.keys()], ['Chart.yaml']);
      assert.equal(notes.length, 1);
      assert.match(notes[0] ?? '', reason);
    });
  }

  test('says one sentence for many entries of one fault', async () => {
    const links = Array.from({ length: 50 }, (_, index) => ({
      path: `nginx/${index}`,
      type: 'SymbolicLink' as const,
      linkpath: 'x',
    }));
    const { notes } = await read(archiveOf([chartYaml, ...links]));
    assert.equal(notes.length, 1);
    assert.match(notes[0] ?? '', /"nginx\/0" was ignored: .*and 49 more/);
  });

  test('keeps no more than its limit of all files together', async () => {
    const { files, notes } = await read(
      archiveOf([
        { path: 'nginx/templates/a', content: 'a'.repeat(600) },
        { path: 'nginx/templates/b', content: 'b'.repeat(600) },
      ]),
      { ...archiveLimits, keptBytes: 1_000 },
    );
    assert.deepEqual([...files.keys()], ['templates/a']);
    assert.equal(notes.length, 1);
  });

  test('stops a gzip bomb at the limit, long before its end', async () => {
    const bomb = gzipSync(tarOf([{ path: 'nginx/x', content: Buffer.alloc(96 * 1024 * 1024) }]));
    assert.ok(bomb.length < 200_000);
    let taken = 0;
    const counted = async function* () {
      for await (const piece of inPieces(bomb)) {
        taken += piece.length;
        yield piece;
      }
    };
    await assert.rejects(readArchive(counted()), /unpacks to more than 67108864 bytes/);
    assert.ok(taken < bomb.length);
  });

  test('does not unpack what is compressed twice', async () => {
    await refuses(gzipSync(archiveOf([chartYaml])), /holds no tar archive/);
    await refuses(gzipSync(gzipSync(Buffer.alloc(10_000_000))), /holds no tar archive/);
  });

  test('refuses more compressed bytes than its limit', async () => {
    await refuses(archiveOf([chartYaml]), /more than 50 bytes/, {
      ...archiveLimits,
      compressedBytes: 50,
    });
  });

  test('refuses more entries than its limit', async () => {
    const entries = Array.from({ length: 10_001 }, (_, index) => ({ path: `nginx/${index}` }));
    await refuses(archiveOf(entries), /more than 10000 entries/);
  });

  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['what is not gzip', Buffer.from('hello, this is no gzip stream at all')],
    ['a cut gzip stream', archiveOf([chartYaml]).subarray(0, 80)],
    ['gzip of a short text', gzipSync('hello')],
    ['gzip of a long text', gzipSync('hello '.repeat(1_000))],
    ['a cut tar archive', gzipSync(tarOf([chartYaml]).subarray(0, 600))],
  ] as const) {
    test(`refuses ${what} with a sentence`, () => refuses(bytes, /package it again\.$/));
  }

  test('ends with content or a sentence, whichever bytes of it are changed', async () => {
    const tar = tarOf([
      chartYaml,
      { path: `nginx/templates/${'long/'.repeat(30)}x.yaml`, content: 'x'.repeat(700) },
      { path: 'nginx/values.yaml', type: 'SymbolicLink', linkpath: 'y' },
    ]);
    const changes = fc.array(fc.tuple(fc.nat(tar.length - 1), fc.nat(255)), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(changes, fc.boolean(), async (changed, compressedToo) => {
        const bytes = Buffer.from(tar);
        for (const [position, value] of changed) bytes[position] = value;
        const archive = gzipSync(bytes);
        if (compressedToo) {
          for (const [position, value] of changed) archive[position % archive.length] = value;
        }
        await read(archive).catch((error) => assert.ok(error instanceof UnreadableChart, error));
      }),
      { numRuns: 500 },
    );
  });

  test('passes on what its source fails with, so that it can be tried again', async () => {
    const failing = async function* () {
      yield archiveOf([chartYaml]).subarray(0, 50);
      throw new Error('the store is away');
    };
    await assert.rejects(readArchive(failing()), /^Error: the store is away$/);
  });
});
