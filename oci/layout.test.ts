import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type Digest, digestOf } from './digest.ts';
import { OciError } from './errors.ts';
import { type BuiltManifest, buildImage, buildIndex, buildLayer } from './image.ts';
import { readLayout, writeLayout } from './layout.ts';
import { parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { type TarEntry, writeTar } from './tar.ts';

const megabyte = 1024 * 1024;

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks));
}

async function build(text: string): Promise<BuiltManifest> {
  const layer = await buildLayer([
    { type: 'directory', path: 'etc' },
    { type: 'file', path: 'etc/motd', content: Buffer.from(text) },
  ]);
  const images = ['amd64', 'arm64'].map((architecture) =>
    buildImage({
      platform: { os: 'linux', architecture },
      layers: [layer],
      config: { Entrypoint: ['/bin/motd'], Env: ['A=b'], User: '65532' },
    }),
  );
  return buildIndex(images, { 'org.opencontainers.image.title': text });
}

function layoutOf({ descriptor, blobs }: BuiltManifest) {
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  return { manifests: [{ ...descriptor, annotations }], blobs };
}

function tarOf(files: Record<string, string | Uint8Array>): Promise<Buffer> {
  return collect(
    writeTar(
      Object.entries(files).map(
        ([path, text]): TarEntry => ({ type: 'file', path, content: Buffer.from(text) }),
      ),
    ),
  );
}

describe('an image that is built', () => {
  test('is made of manifests that the registry takes, whose every reference is among its blobs', async () => {
    const index = await build('hello');
    const seen = new Set<Digest>();
    const visit = (digest: Digest): void => {
      seen.add(digest);
      const bytes = index.blobs.get(digest);
      assert(bytes !== undefined);
      const manifest = parseManifest(bytes, undefined);
      const leaves = [manifest.config, ...manifest.layers].filter((leaf) => leaf !== undefined);
      for (const leaf of leaves) {
        const blob = index.blobs.get(leaf.digest);
        assert.equal(blob?.length, leaf.size);
        assert.equal(digestOf('sha256', blob), leaf.digest);
        seen.add(leaf.digest);
      }
      for (const child of manifest.children) visit(child.digest);
    };
    visit(index.descriptor.digest);
    assert.deepEqual(seen, new Set(index.blobs.keys()));
    assert.deepEqual(
      parseManifest(index.bytes, mediaTypes.oci.index).children.map((child) => child.platform),
      [
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64' },
      ],
    );
  });

  test('is the same to the last byte whenever it is built, and another for another file', async () => {
    const [first, again, other] = [
      await build('hello'),
      await build('hello'),
      await build('hallo'),
    ];
    assert.equal(first.descriptor.digest, again.descriptor.digest);
    assert.notEqual(first.descriptor.digest, other.descriptor.digest);
  });

  test('tells in its config the digest of the layer before its compression', async () => {
    const layer = await buildLayer([{ type: 'file', path: 'a', content: Buffer.from('b') }]);
    assert.equal(digestOf('sha256', gunzipSync(layer.bytes)), layer.diffId);
    const image = buildImage({
      platform: { os: 'windows', architecture: 'amd64', osVersion: '10' },
      layers: [layer],
      config: {},
    });
    const { config } = parseManifest(image.bytes, undefined);
    const configBytes = image.blobs.get(config?.digest ?? 'sha256:');
    assert.deepEqual(JSON.parse(Buffer.from(configBytes ?? []).toString()), {
      created: '1970-01-01T00:00:00.000Z',
      os: 'windows',
      architecture: 'amd64',
      'os.version': '10',
      config: {},
      rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    });
  });
});

describe('an image layout', () => {
  test('is read back as it was written, compressed or not, in pieces of any size', async () => {
    const layout = layoutOf(await build('hello'));
    const tar = await collect(writeLayout(layout));
    assert.deepEqual(await collect(writeLayout(layout)), tar);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5000 }),
        fc.boolean(),
        async (size, compressed) => {
          const bytes = compressed ? gzipSync(tar) : tar;
          const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
            bytes.subarray(index * size, (index + 1) * size),
          );
          const read = await readLayout(pieces, megabyte);
          assert.deepEqual(read.manifests, layout.manifests);
          assert.deepEqual(
            new Map([...read.blobs].map(([digest, blob]) => [digest, Buffer.from(blob)])),
            new Map([...layout.blobs].map(([digest, blob]) => [digest, Buffer.from(blob)])),
          );
        },
      ),
      { numRuns: 20 },
    );
  });

  test('may hold files of others and name its own with a leading dot', async () => {
    const text = '{"imageLayoutVersion":"1.0.0"}';
    const index = '{"schemaVersion":2,"manifests":[]}';
    const tar = await tarOf({
      './oci-layout': text,
      './index.json': index,
      'manifest.json': '[]',
      'blobs/sha256/x': '',
    });
    assert.deepEqual(await readLayout([tar], megabyte), { manifests: [], blobs: new Map() });
  });

  const version = '{"imageLayoutVersion":"1.0.0"}';
  const digest = digestOf('sha256', 'x');
  const blobPath = `blobs/sha256/${digest.slice(7)}`;
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: [{ mediaType: mediaTypes.oci.manifest, digest, size: 1 }],
  });
  const refused: Record<string, [files: Record<string, string>, message: RegExp]> = {
    'without its marker': [{ 'index.json': index, [blobPath]: 'x' }, /no file oci-layout/],
    'of another version': [
      { 'oci-layout': '{"imageLayoutVersion":"2"}' },
      /not of the version 1\.0\.0/,
    ],
    'whose marker is no JSON': [{ 'oci-layout': '<' }, /oci-layout is not valid JSON/],
    'without an index': [{ 'oci-layout': version }, /no file index\.json/],
    'whose index is an image': [
      { 'oci-layout': version, 'index.json': '{"schemaVersion":2,"config":{}}' },
      /"config"/,
    ],
    'with a damaged blob': [
      { 'oci-layout': version, 'index.json': index, [blobPath]: 'y' },
      /is damaged/,
    ],
    'without a blob that its index lists': [
      { 'oci-layout': version, 'index.json': index },
      /but does not hold it/,
    ],
    'with a manifest of another size than its index says': [
      {
        'oci-layout': version,
        'index.json': index.replace('"size":1', '"size":2'),
        [blobPath]: 'x',
      },
      /but does not hold it/,
    ],
  };
  for (const [name, [files, message]] of Object.entries(refused)) {
    test(`${name} is refused`, async () => {
      await assert.rejects(readLayout([await tarOf(files)], megabyte), {
        name: 'OciError',
        message,
      });
    });
  }

  test('that is larger than the caller takes is refused before it is held, gzip bombs included', async () => {
    const bomb = await tarOf({ 'oci-layout': version, [blobPath]: Buffer.alloc(64 * megabyte) });
    for (const bytes of [bomb, gzipSync(bomb)]) {
      await assert.rejects(readLayout([bytes], megabyte), {
        code: 'SIZE_INVALID',
        message: /more than 1048576 bytes/,
      });
    }
  });

  test('that is cut or no tar at all is refused', async () => {
    const tar = await collect(writeLayout(layoutOf(await build('hello'))));
    const spoilt = [
      Buffer.alloc(0),
      randomBytes(5000),
      tar.subarray(0, 700),
      tar.subarray(0, 2100),
      gzipSync(tar).subarray(0, 500),
    ];
    for (const bytes of spoilt) {
      await assert.rejects(readLayout([bytes], megabyte), OciError);
    }
  });
});
