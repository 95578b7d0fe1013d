import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { OciError } from '#oci/errors.ts';
import { parseRegistryPath } from './paths.ts';

const digest = `sha256:${'0'.repeat(64)}`;

describe('a path below /v2/', () => {
  const read: [string, unknown][] = [
    ['/v2/', { kind: 'base' }],
    ['/v2', { kind: 'base' }],
    ['/v2/_catalog', { kind: 'catalog' }],
    ['/v2/team/app/manifests/1.0', { kind: 'manifest', repository: 'team/app', reference: '1.0' }],
    [
      `/v2/team/app/manifests/${digest}`,
      { kind: 'manifest', repository: 'team/app', reference: digest },
    ],
    [
      '/v2/team/app/manifests/sha256%3Aabc',
      { kind: 'manifest', repository: 'team/app', reference: 'sha256:abc' },
    ],
    [`/v2/team/app/blobs/${digest}`, { kind: 'blob', repository: 'team/app', digest }],
    ['/v2/team/app/blobs/uploads/', { kind: 'uploads', repository: 'team/app' }],
    ['/v2/team/app/blobs/uploads', { kind: 'uploads', repository: 'team/app' }],
    ['/v2/team/app/blobs/uploads/an-id', { kind: 'upload', repository: 'team/app', id: 'an-id' }],
    ['/v2/team/app/tags/list', { kind: 'tags', repository: 'team/app' }],
    [`/v2/team/app/referrers/${digest}`, { kind: 'referrers', repository: 'team/app', digest }],
    ['/v2/a/b/c/d/tags/list', { kind: 'tags', repository: 'a/b/c/d' }],
    [
      '/v2/team/manifests/manifests/x',
      { kind: 'manifest', repository: 'team/manifests', reference: 'x' },
    ],
    ['/v2/team/blobs/uploads/tags/list', { kind: 'tags', repository: 'team/blobs/uploads' }],
  ];
  for (const [path, expected] of read) {
    test(`${path} names a ${(expected as { kind: string }).kind}`, () => {
      assert.deepEqual(parseRegistryPath(path), expected);
    });
  }

  const unknown = [
    '/',
    '/v3/',
    '/v2/team/app',
    '/v2/team/app/manifests/',
    '/v2/team/app/tags/all',
    '/v2//manifests/x',
    '/v2/%E0%A4%A/x/manifests/y',
    '/v2/manifests/x',
  ];
  for (const path of unknown) {
    test(`${path} is no endpoint`, () => assert.equal(parseRegistryPath(path), undefined));
  }

  const invalid = [
    '/v2/Team/app/manifests/1.0',
    '/v2/../../etc/passwd/manifests/1.0',
    '/v2/team/..%2f..%2fother/manifests/1.0',
    '/v2/team/app%00/manifests/1.0',
    '/v2/team//app/manifests/1.0',
    `/v2/team/${'a'.repeat(300)}/manifests/1.0`,
  ];
  for (const path of invalid) {
    test(`${path.slice(0, 60)} is refused as a name`, () => {
      assert.throws(() => parseRegistryPath(path), { name: 'OciError', code: 'NAME_INVALID' });
    });
  }

  test('a repository of one segment is unknown, and told how to be named', () => {
    assert.throws(() => parseRegistryPath('/v2/app/manifests/1.0'), {
      code: 'NAME_UNKNOWN',
      message: /write for instance library\/app/,
    });
  });

  test('whatever it is, it is read, unknown or refused as a name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          parseRegistryPath(`/v2/${text}`);
        } catch (error) {
          assert.ok(error instanceof OciError);
        }
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});
