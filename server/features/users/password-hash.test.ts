import assert from 'node:assert/strict';
import { argon2Sync } from 'node:crypto';
import { test } from 'node:test';
import { Refusal } from '#lib/errors.ts';
import { hashPassword, verifyPassword } from './password-hash.ts';

test('a password is kept as argon2id with a salt of its own', async () => {
  const [one, other] = await Promise.all([
    hashPassword('correct horse'),
    hashPassword('correct horse'),
  ]);
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.notEqual(one, other);
  assert.equal(await verifyPassword('correct horse', one), true);
  assert.equal(await verifyPassword('correct horsf', one), false);
  assert.equal(await verifyPassword('', one), false);
});

test('a hash of another cost is still verified by its own', async () => {
  const nonce = Buffer.from('some salt of ours');
  const options = { nonce, memory: 64, passes: 1, parallelism: 2, tagLength: 24 };
  const hash = argon2Sync('argon2id', { message: 'correct horse', ...options });
  const plain = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  const stored = `$argon2id$v=19$m=64,t=1,p=2$${plain(nonce)}$${plain(hash)}`;
  assert.equal(await verifyPassword('correct horse', stored), true);
  assert.equal(await verifyPassword('correct house', stored), false);
});

test('nothing stored takes the time of a hash and never verifies', async () => {
  const before = process.hrtime.bigint();
  assert.equal(await verifyPassword('correct horse', null), false);
  assert.ok(process.hrtime.bigint() - before > 3_000_000n);
});

test('more sign-ins than can wait are asked to come again', async () => {
  const attempts = await Promise.allSettled(
    Array.from({ length: 230 }, () => verifyPassword('x', null)),
  );
  const refused = attempts.filter(({ status }) => status === 'rejected');
  assert.ok(refused.length >= 28, String(refused.length));
  for (const attempt of refused) {
    assert.ok(attempt.status === 'rejected' && attempt.reason instanceof Refusal);
    assert.equal(attempt.reason.kind, 'unavailable');
  }
  assert.equal(await verifyPassword('x', null), false);
});
