import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { maximumManifestBytes, parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { bytesOf, child, config, image, index, layer, parse } from './testing/manifests.ts';

const { oci, docker } = mediaTypes;

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
