import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digestOf } from './digest.ts';
import { parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { child, config, image, index, layer, parse } from './testing/manifests.ts';

const { oci, docker, helm, buildkit } = mediaTypes;

describe('a manifest as clients push it', () => {
  test('an OCI image has a config and layers; its artifact type is the type of its config', () => {
    assert.deepEqual(parse(image, oci.manifest), {
      kind: 'image',
      mediaType: oci.manifest,
      artifactType: oci.config,
      config,
      layers: [layer],
      children: [],
      annotations: {},
    });
  });

  test('an index has children and no artifact type but its own', () => {
    assert.deepEqual(parse(index, oci.index), {
      kind: 'index',
      mediaType: oci.index,
      layers: [],
      children: [child],
      annotations: {},
    });
    assert.equal(parse({ ...index, artifactType: 'a/b' }, oci.index).artifactType, 'a/b');
  });

  test('Docker images and manifest lists keep their media types', () => {
    const dockerImage = { ...image, mediaType: docker.manifest };
    assert.equal(parse(dockerImage, docker.manifest).mediaType, docker.manifest);
    const list = { ...index, mediaType: docker.manifestList };
    assert.equal(parse(list, docker.manifestList).kind, 'index');
  });

  test('Helm leaves out mediaType: the Content-Type tells it, parameters and case aside', () => {
    const chart = {
      schemaVersion: 2,
      config: { ...config, mediaType: helm.config },
      layers: [
        { ...layer, mediaType: helm.provenance },
        { ...layer, mediaType: helm.chart },
      ],
      annotations: { 'org.opencontainers.image.title': 'web' },
    };
    for (const contentType of [
      oci.manifest,
      `${oci.manifest}; charset=utf-8`,
      oci.manifest.toUpperCase(),
    ]) {
      const parsed = parse(chart, contentType);
      assert.equal(parsed.mediaType, oci.manifest);
      assert.equal(parsed.artifactType, helm.config);
      assert.deepEqual(parsed.annotations, chart.annotations);
    }
  });

  test('without a Content-Type the fields tell what it is', () => {
    assert.equal(parse(image).mediaType, oci.manifest);
    assert.equal(parse({ ...image, mediaType: docker.manifest }).mediaType, docker.manifest);
    assert.equal(parse({ schemaVersion: 2, config, layers: [] }).mediaType, oci.manifest);
    assert.equal(parse({ schemaVersion: 2, manifests: [] }).mediaType, oci.index);
  });

  test('a subject is read from images and from indexes, and need not exist', () => {
    const subject = { mediaType: oci.manifest, digest: digestOf('sha256', 'absent'), size: 0 };
    assert.deepEqual(parse({ ...image, subject }, oci.manifest).subject, subject);
    assert.deepEqual(parse({ ...index, subject }, oci.index).subject, subject);
  });

  test("an image's own artifact type goes before the type of its config", () => {
    const artifact = {
      ...image,
      config: { ...config, mediaType: oci.empty },
      artifactType: 'application/x',
    };
    assert.equal(parse(artifact, oci.manifest).artifactType, 'application/x');
    assert.equal(parse({ ...artifact, artifactType: '' }, oci.manifest).artifactType, oci.empty);
  });

  test('empty and nested indexes, empty and absent layers, embedded data and unknown fields pass', () => {
    assert.deepEqual(parse({ ...index, manifests: [] }, oci.index).children, []);
    assert.deepEqual(parse({ ...index, manifests: null }, oci.index).children, []);
    const nested = { ...index, manifests: [{ ...child, mediaType: oci.index }] };
    assert.equal(parse(nested, oci.index).children[0]?.mediaType, oci.index);
    for (const layers of [[], null, undefined]) {
      assert.deepEqual(parse({ ...image, layers }, oci.manifest).layers, []);
    }
    const unknown = {
      ...image,
      config: { ...config, data: 'e30=', urls: ['https://x'] },
      future: { deep: [1] },
    };
    assert.deepEqual(parse(unknown, oci.manifest).config, config);
  });

  test("BuildKit's cache index lists layer blobs as its children", () => {
    const cache = {
      schemaVersion: 2,
      mediaType: oci.index,
      manifests: [layer, { ...config, mediaType: buildkit.cacheConfig }],
    };
    assert.deepEqual(
      parse(cache, oci.index).children.map((one) => one.mediaType),
      [oci.layerGzip, buildkit.cacheConfig],
    );
  });

  test("BuildKit's attestations keep the platform and the annotations that mark them", () => {
    const attestation = {
      ...child,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    };
    assert.deepEqual(parse({ ...index, manifests: [attestation] }, oci.index).children, [
      attestation,
    ]);
  });

  test('a manifest of 3.9 MB passes', () => {
    const padded = { ...image, annotations: { padding: 'x'.repeat(3_900_000) } };
    assert.equal(parse(padded, oci.manifest).kind, 'image');
  });
});

test('the key __proto__ is an annotation like others and changes no prototype', () => {
  const text = JSON.stringify(image).replace(
    '{',
    '{"annotations":{"__proto__":"x"},"__proto__":{"subject":{}},',
  );
  const parsed = parseManifest(Buffer.from(text), oci.manifest);
  assert.deepEqual(Object.entries(parsed.annotations), [['__proto__', 'x']]);
  assert.equal(Object.getPrototypeOf(parsed.annotations), Object.prototype);
  assert.equal(parsed.subject, undefined);
});
