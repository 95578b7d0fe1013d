import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  dockerConfigJson,
  type PullSecretProblemCode,
  readDockerConfig,
  readPullSecret,
} from './dockerconfigjson.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function dockerSecret(file: string) {
  return { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64(file) } };
}

function problemOf(secret: Parameters<typeof readPullSecret>[0]): PullSecretProblemCode {
  const reading = readPullSecret(secret);
  assert.ok(!reading.ok);
  assert.match(reading.problem.message, /\.$/);
  assert.match(reading.problem.cure, /\.$/);
  return reading.problem.code;
}

describe('reading a pull secret', () => {
  test('finds in it what was put into it, whatever the name and the password hold', () => {
    const names = fc.string({ unit: 'grapheme' }).filter((name) => !name.includes(':'));
    fc.assert(
      fc.property(
        fc.domain(),
        names,
        fc.string({ unit: 'binary', minLength: 1 }),
        (key, username, secret) => {
          const password = Buffer.from(secret).toString('utf8');
          const reading = readPullSecret(
            dockerSecret(
              dockerConfigJson({ key, username: Buffer.from(username).toString(), password }),
            ),
          );
          assert.deepEqual(reading, {
            ok: true,
            credentials: [{ key, username: Buffer.from(username).toString(), password }],
          });
        },
      ),
    );
  });

  test('never throws, whatever the Secret holds', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), fc.boolean(), (json, text, older) => {
        const key = older ? '.dockercfg' : '.dockerconfigjson';
        const type = older ? 'kubernetes.io/dockercfg' : 'kubernetes.io/dockerconfigjson';
        for (const value of [json, text, base64(json), base64(text), base64(`{"auths":${json}}`)]) {
          assert.equal(typeof readPullSecret({ type, data: { [key]: value } }).ok, 'boolean');
        }
      }),
    );
  });

  test('takes auth before username and password, as a kubelet does', () => {
    const file = JSON.stringify({
      auths: { r: { auth: base64('from:auth:it'), username: 'other', password: 'other' } },
    });
    assert.deepEqual(readDockerConfig(file), {
      ok: true,
      credentials: [{ key: 'r', username: 'from', password: 'auth:it' }],
    });
  });

  test('reads auth with its padding left out, as Go does', () => {
    const auth = base64('ab:c').replace(/=+$/, '');
    const reading = readDockerConfig(JSON.stringify({ auths: { r: { auth } } }));
    assert.deepEqual(reading, {
      ok: true,
      credentials: [{ key: 'r', username: 'ab', password: 'c' }],
    });
  });

  test('reads the older .dockercfg, which has no "auths"', () => {
    const reading = readPullSecret({
      type: 'kubernetes.io/dockercfg',
      data: { '.dockercfg': base64(JSON.stringify({ r: { username: 'u', password: 'p' } })) },
    });
    assert.deepEqual(reading, {
      ok: true,
      credentials: [{ key: 'r', username: 'u', password: 'p' }],
    });
  });
});

describe('a Secret that a kubelet cannot use is told apart by its fault', () => {
  const file = '{"auths":{"r":{"auth":"dTpw"}}}';
  const type = 'kubernetes.io/dockerconfigjson';
  const cases: readonly [string, Parameters<typeof readPullSecret>[0], PullSecretProblemCode][] = [
    ['no type', { data: { '.dockerconfigjson': base64(file) } }, 'wrong-type'],
    ['Opaque', { type: 'Opaque', data: { '.dockerconfigjson': base64(file) } }, 'wrong-type'],
    ['the key of the other type', { type, data: { '.dockercfg': base64(file) } }, 'missing-key'],
    ['a file name as key', { type, data: { 'config.json': base64(file) } }, 'missing-key'],
    ['no data', { type }, 'missing-key'],
    ['plain text', { type, data: { '.dockerconfigjson': file } }, 'not-base64'],
    ['base64 twice', dockerSecret(base64(file)), 'not-json'],
    ['a cut file', dockerSecret(file.slice(0, -2)), 'not-json'],
    ['an array', dockerSecret('[]'), 'not-json'],
    ['an older file under the newer type', dockerSecret('{"r":{"auth":"dTpw"}}'), 'no-auths'],
    ['a credential store alone', dockerSecret('{"credsStore":"desktop"}'), 'credential-helper'],
    [
      'a credential store beside empty entries',
      dockerSecret('{"auths":{"r":{}},"credsStore":"desktop"}'),
      'credential-helper',
    ],
    ['auth without a colon', dockerSecret('{"auths":{"r":{"auth":"dXA="}}}'), 'bad-auth'],
    ['auth that is no base64', dockerSecret('{"auths":{"r":{"auth":"u:p"}}}'), 'bad-auth'],
    [
      'one bad entry beside a good one',
      dockerSecret('{"auths":{"r":{"auth":"dTpw"},"s":{"auth":"*"}}}'),
      'bad-auth',
    ],
    ['no entries', dockerSecret('{"auths":{}}'), 'no-credentials'],
    [
      'more than a Secret may hold',
      { type, data: { '.dockerconfigjson': 'A'.repeat(1_500_000) } },
      'too-large',
    ],
  ];
  for (const [name, secret, code] of cases) {
    test(name, () => assert.equal(problemOf(secret), code));
  }

  test('base64 twice is named as such', () => {
    const reading = readPullSecret(dockerSecret(base64(file)));
    assert.ok(!reading.ok);
    assert.match(reading.problem.message, /twice/);
  });
});
