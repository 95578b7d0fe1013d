import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from './digest.ts';
import { OciError } from './errors.ts';
import { maximumManifestBytes, parseManifest } from './manifest.ts';
import { manifestMediaTypes, mediaTypes } from './media-types.ts';
import { bytesOf, config, image, layer, parse } from './testing/manifests.ts';

const { oci } = mediaTypes;

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
