import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from './digest.ts';
import { OciError } from './errors.ts';
import { type ImageReference, parseImageReference, parseManifestReference } from './reference.ts';

const digest = digestOf('sha256', 'x');

const understood: Record<string, Omit<ImageReference, 'protocol'> & { protocol?: 'http' }> = {
  'registry.example.com/team/app': { registry: 'registry.example.com', repository: 'team/app' },
  'localhost:5000/team/app:1.0': { registry: 'localhost:5000', repository: 'team/app', tag: '1.0' },
  'localhost/team/app': { registry: 'localhost', repository: 'team/app' },
  'Registry.Example.com/team/app': { registry: 'registry.example.com', repository: 'team/app' },
  'host:1/a/b:t@DIGEST': { registry: 'host:1', repository: 'a/b', tag: 't', digest },
  'host:1/a/b@DIGEST': { registry: 'host:1', repository: 'a/b', digest },
  '[::1]:5000/a/b:t': { registry: '[::1]:5000', repository: 'a/b', tag: 't' },
  '192.168.1.2/a/b': { registry: '192.168.1.2', repository: 'a/b' },
  nginx: { registry: 'docker.io', repository: 'library/nginx' },
  'nginx:1.27': { registry: 'docker.io', repository: 'library/nginx', tag: '1.27' },
  'nginx@DIGEST': { registry: 'docker.io', repository: 'library/nginx', digest },
  'bitnami/redis': { registry: 'docker.io', repository: 'bitnami/redis' },
  'oci://registry/team/chart:1.0.0_b': {
    registry: 'registry',
    repository: 'team/chart',
    tag: '1.0.0_b',
  },
  'docker://host/a/b': { registry: 'host', repository: 'a/b' },
  'https://host:443/a/b': { registry: 'host:443', repository: 'a/b' },
  'http://host:5000/a/b:t': {
    protocol: 'http',
    registry: 'host:5000',
    repository: 'a/b',
    tag: 't',
  },
};

describe('an image as people type it', () => {
  for (const [typed, expected] of Object.entries(understood)) {
    test(typed, () => {
      assert.deepEqual(parseImageReference(typed.replace('DIGEST', digest)), {
        protocol: 'https',
        ...expected,
      });
    });
  }
});

const refused: [text: string, code: string, message: RegExp][] = [
  ['', 'NAME_INVALID', /names no image: write HOST/],
  ['https://', 'NAME_INVALID', /names no image/],
  [' host/a/b', 'NAME_INVALID', /names no image/],
  ['https://host', 'NAME_INVALID', /names a registry but no repository/],
  ['https://host/', 'NAME_INVALID', /repository name "" is not valid/],
  [
    'host:5000/Team/app',
    'NAME_INVALID',
    /repository name "Team\/app" is not valid: it must be lower-case/,
  ],
  ['Nginx', 'NAME_INVALID', /lower-case/],
  ['host:5000/a/b:', 'TAG_INVALID', /tag "" is not valid/],
  ['host:5000/a/b:-x', 'TAG_INVALID', /not begin with a dot or a dash/],
  ['host:5000/a/b@', 'DIGEST_INVALID', /is no digest/],
  ['host:5000/a/b@latest', 'DIGEST_INVALID', /"latest" is no digest/],
  [
    'host:5000/a/b@md5:d41d8cd98f00b204e9800998ecf8427e',
    'DIGEST_INVALID',
    /algorithm md5 is not supported/,
  ],
  ['host:99999/a/b', 'NAME_INVALID', /names no registry/],
  ['host:0/a/b', 'NAME_INVALID', /names no registry/],
  ['user:password@host/a/b', 'DIGEST_INVALID', /is no digest/],
  ['ftp://host/a/b', 'NAME_INVALID', /names no registry/],
  [`host/${'a'.repeat(2000)}`, 'NAME_INVALID', /at most 1024 characters; this one has 2005/],
];

describe('what names no image is refused with a sentence that says why', () => {
  for (const [text, code, message] of refused) {
    test(JSON.stringify(text).slice(0, 80), () => {
      assert.throws(() => parseImageReference(text), { name: 'OciError', code, message });
    });
  }
});

const component = fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:\.|__?|-+)[a-z0-9]{1,8}){0,3}$/);
const references: fc.Arbitrary<ImageReference> = fc.record(
  {
    protocol: fc.constantFrom('http', 'https'),
    registry: fc
      .oneof(
        fc.domain(),
        fc
          .tuple(fc.domain(), fc.integer({ min: 1, max: 65_535 }))
          .map(([host, port]) => `${host}:${port}`),
        fc.constantFrom('localhost', 'localhost:5000', '[::1]', '[fd00::1]:443', '10.0.0.1:80'),
      )
      .map((registry) => registry.toLowerCase()),
    repository: fc
      .array(component, { minLength: 2, maxLength: 4 })
      .map((components) => components.join('/')),
    tag: fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/),
    digest: fc
      .tuple(fc.constantFrom('sha256', 'sha512'), fc.string())
      .map(([algorithm, text]) => digestOf(algorithm, text)),
  },
  { requiredKeys: ['protocol', 'registry', 'repository'], noNullPrototype: true },
);

function written(reference: ImageReference): string {
  const scheme = reference.protocol === 'http' ? 'http://' : '';
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${scheme}${reference.registry}/${reference.repository}${tag}${digest}`;
}

test('every reference that is written is read back as it was', () => {
  fc.assert(
    fc.property(references, (reference) => {
      fc.pre(reference.repository.length <= 255);
      assert.deepEqual(parseImageReference(written(reference)), reference);
    }),
  );
});

test('no text makes the parser throw anything but a refusal', () => {
  const pieces = fc.constantFrom(
    'host',
    ':',
    '/',
    '@',
    '.',
    'a',
    '[',
    ']',
    '://',
    'sha256:',
    ' ',
    '5000',
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      for (const parse of [parseImageReference, parseManifestReference]) {
        try {
          parse(text);
        } catch (error) {
          assert(error instanceof OciError, String(error));
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test('a manifest is asked for by tag or by digest, and a colon makes it a digest', () => {
  assert.deepEqual(parseManifestReference('v1'), { kind: 'tag', tag: 'v1' });
  assert.deepEqual(parseManifestReference(digest), { kind: 'digest', digest });
  assert.throws(() => parseManifestReference('sha256:baddigeststring'), { code: 'DIGEST_INVALID' });
  assert.throws(() => parseManifestReference('.hidden'), { code: 'TAG_INVALID' });
});
