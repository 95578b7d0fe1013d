import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { open, SealBroken, seal } from './sealing.ts';

const key = randomBytes(32);
const plaintext = new TextEncoder().encode('what replicas share');

describe('sealing', () => {
  test('opens to the bytes that were sealed, empty ones included', () => {
    assert.deepEqual(open(key, seal(key, plaintext, 'tokens'), 'tokens'), plaintext);
    assert.deepEqual(open(key, seal(key, new Uint8Array(), 'tokens'), 'tokens'), new Uint8Array());
  });

  test('never seals the same bytes to the same text, nor shows them', () => {
    const first = seal(key, plaintext, 'tokens');
    assert.notDeepEqual(first, seal(key, plaintext, 'tokens'));
    assert.equal(Buffer.from(first).includes(plaintext), false);
  });

  test('does not open with another key or under another context', () => {
    const sealed = seal(key, plaintext, 'tokens');
    assert.throws(() => open(randomBytes(32), sealed, 'tokens'), SealBroken);
    assert.throws(() => open(key, sealed, 'sessions'), SealBroken);
  });

  test('notices a change of any byte, and a cut at any length', () => {
    const sealed = seal(key, plaintext, 'tokens');
    for (let index = 0; index < sealed.length; index++) {
      const changed = Uint8Array.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ 1;
      assert.throws(() => open(key, changed, 'tokens'), SealBroken);
      assert.throws(() => open(key, sealed.subarray(0, index), 'tokens'), SealBroken);
    }
  });

  test('refuses a key that is not 32 bytes long', () => {
    assert.throws(() => seal(randomBytes(16), plaintext, 'tokens'), /32 bytes/);
    assert.throws(
      () => open(randomBytes(33), seal(key, plaintext, 'tokens'), 'tokens'),
      /32 bytes/,
    );
  });
});
