import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { describe, test } from 'node:test';
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { Refusal } from '#lib/errors.ts';
import {
  createSigningKey,
  createTokens,
  registryTokenGraceSeconds,
  registryTokenSeconds,
} from './tokens.ts';

const service = 'harbor-registry';
const privateKey = createSigningKey();
const time = { now: Date.UTC(2026, 10, 1) };
const tokens = createTokens({ privateKey, service, clock: () => time.now });
const alice = { kind: 'user', id: 7, name: 'alice' } as const;
const credential = { principal: alice, stamp: 'password 1' };
const pull = { type: 'repository', name: 'team/app', actions: ['pull'] };
const push = { type: 'repository', name: 'team/app', actions: ['pull', 'push'] };

function issue() {
  return tokens.issueRegistryToken({ ...credential, asked: [push], granted: [pull] });
}

test('a registry token says who brings it, what it was asked for, and until when it holds', async () => {
  assert.deepEqual(await tokens.verifyRegistryToken(await issue()), {
    ...credential,
    asked: [push],
    expiresAt: time.now + registryTokenSeconds * 1000,
  });
});

test('replicas with the same key take each other’s tokens', async () => {
  const replica = createTokens({ privateKey, service, clock: () => time.now });
  assert.equal((await replica.verifyRegistryToken(await issue())).stamp, credential.stamp);
});

describe('a bad token is refused by a sentence:', () => {
  const seconds = Math.floor(time.now / 1000);
  const claims: JWTPayload = {
    iss: 'berth',
    aud: service,
    sub: 'admin',
    iat: seconds,
    exp: seconds + 600,
    jti: 'x',
    principal: { kind: 'user', id: 1, name: 'admin' },
    stamp: 'password 1',
    access: [push],
  };
  const ownKey = createPrivateKey({
    key: Buffer.from(privateKey),
    format: 'der',
    type: 'pkcs8',
  });
  const sign = (change: Record<string, unknown>, header: { alg?: string; typ?: string } = {}) =>
    new SignJWT({ ...claims, ...change })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', ...header })
      .sign(ownKey);

  const cases: [string, () => string | Promise<string>, RegExp][] = [
    [
      'forged, signed by another key',
      () => {
        const other = createTokens({
          privateKey: createSigningKey(),
          service,
          clock: () => time.now,
        });
        return other.issueRegistryToken({ ...credential, asked: [push], granted: [push] });
      },
      /not signed by this registry/,
    ],
    [
      'forged, its claims changed',
      async () => {
        const [header, , signature] = (await sign({})).split('.');
        const payload = Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString(
          'base64url',
        );
        return `${header}.${payload}.${signature}`;
      },
      /not signed by this registry/,
    ],
    ['unsigned', () => new UnsecuredJWT(claims).encode(), /cannot be read|does not use/],
    [
      'alg none in the header',
      async () => {
        const [, payload] = (await sign({})).split('.');
        const header = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
        return `${header}.${payload}.`;
      },
      /signed in a way that this registry does not use/,
    ],
    [
      'signed by HMAC with the public key',
      () => {
        const publicKey = createPublicKey(ownKey).export({ format: 'der', type: 'spki' });
        return new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
          .sign(new Uint8Array(publicKey));
      },
      /signed in a way that this registry does not use/,
    ],
    ['expired a day ago', () => sign({ exp: seconds - registryTokenGraceSeconds }), /has expired/],
    ['of another service', () => sign({ aud: 'other' }), /another service than harbor-registry/],
    ['of another issuer', () => sign({ iss: 'other' }), /another registry/],
    ['of another type', () => sign({}, { typ: 'JWT' }), /no registry token/],
    ['without an end', () => sign({ exp: undefined }), /lacks/],
    ['a refresh token', () => tokens.issueRefreshToken(credential), /no registry token/],
    ['garbage', () => 'garbage', /cannot be read/],
    ['dots', () => '..', /cannot be read|does not use/],
    ['bytes', () => '\u0000\u00ff.é.ü', /cannot be read/],
    ['empty', () => '', /cannot be read/],
    ['overlong', () => 'a'.repeat(20_000), /longer/],
  ];
  for (const [name, make, sentence] of cases) {
    test(name, async () => {
      const text = await make();
      await assert.rejects(tokens.verifyRegistryToken(text), (error) => {
        assert.ok(error instanceof Refusal, String(error));
        assert.equal(error.kind, 'unauthenticated');
        assert.match(error.message, sentence);
        assert.ok(!error.message.includes('admin'));
        return true;
      });
    });
  }

  test('the same claims, well signed, are taken', async () => {
    assert.equal((await tokens.verifyRegistryToken(await sign({}))).stamp, 'password 1');
  });

  test('a registry token as a refresh token', async () => {
    await assert.rejects(tokens.verifyRefreshToken(await issue()), /no refresh token/);
  });

  test('an expired refresh token', async () => {
    const text = await tokens.issueRefreshToken(credential);
    time.now += 30 * 24 * 60 * 60 * 1000 - 1000;
    assert.deepEqual(await tokens.verifyRefreshToken(text), credential);
    time.now += 1000;
    await assert.rejects(tokens.verifyRefreshToken(text), /refresh token has expired/);
  });
});
