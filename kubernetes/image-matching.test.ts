import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { credentialsForImage, explainMismatch, type Mismatch } from './image-matching.ts';

const credential = (key: string) => ({ key, username: 'u', password: key });

function tried(keys: readonly string[], repository: string): string[] {
  return credentialsForImage(keys.map(credential), repository).map(({ key }) => key);
}

describe('a key of "auths" is used for an image', () => {
  const used: readonly [string, string][] = [
    ['reg.example.com', 'reg.example.com/team/app'],
    ['https://reg.example.com', 'reg.example.com/team/app'],
    ['http://reg.example.com', 'reg.example.com/team/app'],
    ['https://reg.example.com/v1/', 'reg.example.com/team/app'],
    ['https://reg.example.com/v2/', 'reg.example.com/team/app'],
    ['reg.example.com/', 'reg.example.com/team/app'],
    ['reg.example.com:5000', 'reg.example.com:5000/team/app'],
    ['reg.example.com/team', 'reg.example.com/team/app'],
    ['reg.example.com/v2/team', 'reg.example.com/team/app'],
    ['reg.example.com/team', 'reg.example.com/team-b/app'],
    ['*.example.com', 'reg.example.com/team/app'],
    ['*.*.com', 'reg.example.com/app'],
    ['r*g.example.com:5000', 'reg.example.com:5000/app'],
    ['[p-r]eg.example.com', 'reg.example.com/app'],
    ['someone@reg.example.com', 'reg.example.com/app'],
    ['10.77.0.1:5443', '10.77.0.1:5443/team/app'],
    ['[fd00::1]:5000', '[fd00::1]:5000/team/app'],
    ['https://index.docker.io/v1/', 'docker.io/library/nginx'],
  ];
  for (const [key, repository] of used) {
    test(`${key} for ${repository}`, () => {
      assert.deepEqual(tried([key], repository), [key]);
      assert.equal(explainMismatch(key, repository), undefined);
    });
  }
});

describe('a key of "auths" is not used for an image', () => {
  const unused: readonly [string, string, Mismatch][] = [
    ['reg.example.com', 'reg.example.com:5000/team/app', 'port'],
    ['reg.example.com:5000', 'reg.example.com/team/app', 'port'],
    ['reg.example.com:443', 'reg.example.com/team/app', 'port'],
    ['reg.example.com', 'other.example.com/team/app', 'host'],
    ['REG.example.com', 'reg.example.com/team/app', 'host'],
    ['*.com', 'reg.example.com/team/app', 'host'],
    ['*', 'reg.example.com/team/app', 'host'],
    ['[a-c]eg.example.com', 'reg.example.com/app', 'host'],
    ['[^r]eg.example.com', 'reg.example.com/app', 'invalid-key'],
    ['[fd00::1]', '[fd00::1]/team/app', 'host'],
    ['reg.example.com/*', 'reg.example.com/team/app', 'path'],
    ['reg.example.com/other', 'reg.example.com/team/app', 'path'],
    ['reg.example.com/team/', 'reg.example.com/team-b/app', 'path'],
    ['https://reg.example.com/v2', 'reg.example.com/team/app', 'path'],
    ['reg example', 'reg.example.com/team/app', 'invalid-key'],
    ['reg:example:5000', 'reg.example.com/team/app', 'invalid-key'],
  ];
  for (const [key, repository, reason] of unused) {
    test(`${key} for ${repository}: ${reason}`, () => {
      assert.deepEqual(tried([key], repository), []);
      assert.equal(explainMismatch(key, repository), reason);
    });
  }
});

test('the more specific path is tried first, then the others', () => {
  assert.deepEqual(tried(['r.io', 'r.io/team', 'r.io/team/app', 's.io'], 'r.io/team/app'), [
    'r.io/team/app',
    'r.io/team',
    'r.io',
  ]);
});

test('two entries of one key are both tried', () => {
  assert.equal(tried(['https://r.io', 'r.io'], 'r.io/a').length, 2);
});

test('the entry of Docker Hub serves no other registry', () => {
  assert.deepEqual(tried(['https://index.docker.io/v1/'], 'r.io/library/nginx'), []);
});

test('a key with nothing to generalise matches exactly its own host and port', () => {
  const location = fc.tuple(fc.domain(), fc.option(fc.integer({ min: 1, max: 65_535 })));
  const write = ([host, port]: [string, number | null]) =>
    port === null ? host : `${host}:${port}`;
  fc.assert(
    fc.property(location, location, (one, other) => {
      assert.deepEqual(tried([write(one)], `${write(one)}/a/b`), [write(one)]);
      if (write(one) !== write(other))
        assert.deepEqual(tried([write(one)], `${write(other)}/a`), []);
    }),
  );
});

test('any key and any image are compared without an exception, also by many stars', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (key, image) => {
      assert.ok(Array.isArray(tried([key], image)));
    }),
  );
  const started = performance.now();
  tried([`${'*a'.repeat(400)}b`], `${'a'.repeat(2000)}/x`);
  assert.ok(performance.now() - started < 1000);
});
