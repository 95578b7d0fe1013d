import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from './digest.ts';
import { OciError } from './errors.ts';
import { maximumManifestBytes, parseManifest } from './manifest.ts';
import { manifestMediaTypes, mediaTypes } from './media-types.ts';

const { oci, docker, helm, buildkit } = mediaTypes;

const config = { mediaType: oci.config, digest: digestOf('sha256', 'config'), size: 6 };
const layer = { mediaType: oci.layerGzip, digest: digestOf('sha512', 'layer'), size: 5 };
const child = {
  mediaType: oci.manifest,
  digest: digestOf('sha256', 'child'),
  size: 7,
  platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
};
const image = { schemaVersion: 2, mediaType: oci.manifest, config, layers: [layer] };
const index = { schemaVersion: 2, mediaType: oci.index, manifests: [child] };

function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function parse(value: unknown, contentType?: string) {
  return parseManifest(bytesOf(value), contentType);
}

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

const refused: Record<string, [value: unknown, contentType: string | undefined, message: RegExp]> =
  {
    'a mediaType that contradicts the Content-Type': [image, docker.manifest, /must be the same/],
    'an index announced as an image': [index, oci.manifest, /must be the same/],
    'a Content-Type that is no manifest': [
      image,
      'application/json',
      /"application\/json" is not accepted. Push an OCI/,
    ],
    'an empty Content-Type': [image, '', /media type "" is not accepted/],
    'the withdrawn OCI artifact manifest': [
      image,
      'application/vnd.oci.artifact.manifest.v1+json',
      /not accepted/,
    ],
    'an unknown mediaType without a Content-Type': [
      { ...image, mediaType: 'a/b' },
      undefined,
      /"a\/b" is not accepted/,
    ],
    'schema version 1 by its Content-Type': [
      {},
      docker.signedSchema1,
      /build the image anew, or pull and push/,
    ],
    'schema version 1 by its field': [
      { ...image, schemaVersion: 1 },
      oci.manifest,
      /schema version 1/,
    ],
    'no schema version': [
      { ...image, schemaVersion: undefined },
      oci.manifest,
      /schemaVersion is not 2/,
    ],
    'a schema version in quotes': [
      { ...image, schemaVersion: '2' },
      oci.manifest,
      /schemaVersion is not 2/,
    ],
    'nothing that tells what it is': [
      { schemaVersion: 2 },
      undefined,
      /Neither the Content-Type nor/,
    ],
    'an image without a config': [
      { ...image, config: undefined },
      oci.manifest,
      /config is missing/,
    ],
    'a config that is null': [
      { ...image, config: null },
      oci.manifest,
      /config is not a descriptor/,
    ],
    'an index without its list': [
      { ...index, manifests: undefined },
      oci.index,
      /"manifests" is missing/,
    ],
    'an image that is an index too': [
      { ...image, manifests: [child] },
      oci.manifest,
      /"manifests"/,
    ],
    'an index that is an image too': [{ ...index, layers: [] }, oci.index, /"layers"/],
    'layers that are no list': [{ ...image, layers: {} }, oci.manifest, /layers is not a list/],
    'a layer that is a string': [
      { ...image, layers: ['x'] },
      oci.manifest,
      /layers\[0\] is not a descriptor/,
    ],
    'a layer without a digest': [
      { ...image, layers: [{ ...layer, digest: undefined }] },
      oci.manifest,
      /layers\[0\] has no digest/,
    ],
    'a layer with a bad digest': [
      { ...image, layers: [layer, { ...layer, digest: 'sha256:x' }] },
      oci.manifest,
      /layers\[1\]\.digest is wrong. "sha256:x" is no digest/,
    ],
    'a digest of an unsupported algorithm': [
      { ...image, config: { ...config, digest: 'md5:d41d8cd98f00b204e9800998ecf8427e' } },
      oci.manifest,
      /config\.digest is wrong. The digest algorithm md5/,
    ],
    'a negative size': [
      { ...image, config: { ...config, size: -1 } },
      oci.manifest,
      /config\.size is not a whole number/,
    ],
    'a broken size': [{ ...image, config: { ...config, size: 1.5 } }, oci.manifest, /config\.size/],
    'a size past exact integers': [
      { ...image, config: { ...config, size: 2 ** 53 } },
      oci.manifest,
      /config\.size/,
    ],
    'a size in quotes': [
      { ...image, config: { ...config, size: '6' } },
      oci.manifest,
      /config\.size/,
    ],
    'a descriptor without a mediaType': [
      { ...image, config: { ...config, mediaType: '' } },
      oci.manifest,
      /config has no mediaType/,
    ],
    'an endless mediaType': [
      { ...image, config: { ...config, mediaType: 'a'.repeat(256) } },
      oci.manifest,
      /longer than 255/,
    ],
    'control characters in a mediaType': [
      { ...image, artifactType: 'a/b\r\nx: y' },
      oci.manifest,
      /characters that no media type has: "a\/b\\r\\nx: y"/,
    ],
    'an annotation that is a number': [
      { ...image, annotations: { a: 1 } },
      oci.manifest,
      /strings to strings; "a" does not/,
    ],
    'annotations that are a list': [
      { ...image, annotations: [] },
      oci.manifest,
      /annotations is not an object/,
    ],
    'a platform that is a string': [
      { ...index, manifests: [{ ...child, platform: 'linux' }] },
      oci.index,
      /manifests\[0\]\.platform is not an object/,
    ],
    'a platform without words': [
      { ...index, manifests: [{ ...child, platform: { os: 1 } }] },
      oci.index,
      /platform\.os is not a string/,
    ],
    'a subject that is a digest': [
      { ...image, subject: config.digest },
      oci.manifest,
      /subject is not a descriptor/,
    ],
    'a list': [[], oci.manifest, /not a JSON object/],
    'a string': ['x', oci.manifest, /not a JSON object/],
  };

describe('what is no manifest is refused with a sentence that says why', () => {
  for (const [name, [value, contentType, message]] of Object.entries(refused)) {
    test(name, () => {
      assert.throws(() => parse(value, contentType), {
        name: 'OciError',
        code: 'MANIFEST_INVALID',
        message,
      });
    });
  }

  const broken: Record<string, [bytes: Uint8Array, message: RegExp]> = {
    'no bytes': [Buffer.alloc(0), /not valid JSON/],
    'half a manifest': [bytesOf(image).subarray(0, 40), /not valid JSON/],
    'bytes that are no UTF-8': [
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      /not valid UTF-8/,
    ],
    'a byte order mark': [
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytesOf(image)]),
      /not valid JSON/,
    ],
    'more than 4 MiB': [
      Buffer.alloc(maximumManifestBytes + 1, 0x20),
      /at most 4194304 are accepted/,
    ],
    'endless nesting': [Buffer.alloc(maximumManifestBytes, '['), /deeper than 32 levels/],
    'endless nesting behind an escaped quote': [
      Buffer.from(`{"a\\\\":${'{"b":'.repeat(1000)}`),
      /deeper than 32 levels/,
    ],
  };
  for (const [name, [bytes, message]] of Object.entries(broken)) {
    test(name, () => {
      assert.throws(() => parseManifest(bytes, oci.manifest), {
        code: 'MANIFEST_INVALID',
        message,
      });
    });
  }

  test('brackets in strings do not count as nesting', () => {
    const annotations = { a: '[{'.repeat(1000), b: `\\"${'['.repeat(1000)}` };
    assert.deepEqual(parse({ ...image, annotations }, oci.manifest).annotations, annotations);
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

const descriptors = fc.record(
  {
    mediaType: fc.constantFrom(...manifestMediaTypes, oci.layerGzip, oci.layerZstd),
    digest: fc
      .tuple(fc.constantFrom('sha256', 'sha512'), fc.string())
      .map(([algorithm, text]) => digestOf(algorithm, text)),
    size: fc.maxSafeNat(),
    artifactType: fc.stringMatching(/^[a-z]{1,20}\/[a-z]{1,20}$/),
    annotations: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
  },
  { requiredKeys: ['mediaType', 'digest', 'size'], noNullPrototype: true },
);

test('every descriptor written into a manifest is read back as it was', () => {
  fc.assert(
    fc.property(
      descriptors,
      fc.array(descriptors),
      fc.option(descriptors, { nil: undefined }),
      (one, many, subject) => {
        const asImage = parse(
          { schemaVersion: 2, config: one, layers: many, subject },
          oci.manifest,
        );
        assert.deepEqual([asImage.config, asImage.layers, asImage.subject], [one, many, subject]);
        assert.deepEqual(parse({ schemaVersion: 2, manifests: many }, oci.index).children, many);
      },
    ),
  );
});

const fields = fc.constantFrom(
  'schemaVersion',
  'mediaType',
  'config',
  'layers',
  'manifests',
  'subject',
  'annotations',
  'artifactType',
  'digest',
  'size',
  'platform',
  '__proto__',
);
const { value: almostManifests } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(2, 1, -1, null, true, '', oci.manifest, oci.index, config.digest),
    fc.jsonValue({ maxDepth: 1 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(fields, tie('value')), { maxLength: 8 }).map((entries) => ({
      schemaVersion: 2,
      ...Object.fromEntries(entries),
    })),
  ),
}));

test('whatever arrives, the answer is a manifest or a refusal', () => {
  const bodies = fc.oneof(fc.uint8Array({ maxLength: 200 }), almostManifests.map(bytesOf));
  const contentTypes = fc.option(fc.oneof(fc.string(), fc.constantFrom(...manifestMediaTypes)), {
    nil: undefined,
  });
  fc.assert(
    fc.property(bodies, contentTypes, (body, contentType) => {
      try {
        parseManifest(body, contentType);
      } catch (error) {
        assert(error instanceof OciError, String(error));
        assert.equal(error.code, 'MANIFEST_INVALID');
        assert(error.message.length < 1000);
      }
    }),
    { numRuns: 2000 },
  );
});

test('4 MiB of descriptors or of noise are answered within a second of computing', () => {
  const text = JSON.stringify(layer);
  const many = Array.from(
    { length: Math.floor(maximumManifestBytes / (text.length + 1)) - 20 },
    () => layer,
  );
  for (const bytes of [
    bytesOf({ ...image, layers: many }),
    Buffer.alloc(maximumManifestBytes, '"'),
    Buffer.alloc(maximumManifestBytes, '\\'),
    Buffer.alloc(maximumManifestBytes, '{"a":'),
    Buffer.alloc(maximumManifestBytes, '[]'),
  ]) {
    const started = process.threadCpuUsage();
    try {
      assert.equal(parseManifest(bytes, oci.manifest).layers.length, many.length);
    } catch (error) {
      assert(error instanceof OciError);
    }
    assert(process.threadCpuUsage(started).user < 1_000_000);
  }
});
