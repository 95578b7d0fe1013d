import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { algorithmOf, digestForm, digestOf, hexOf, isDigest, requireDigest } from './digest.ts';
import { OciError } from './errors.ts';

const a64 = 'a'.repeat(64);
const a128 = 'a'.repeat(128);

const forms = {
  supported: [`sha256:${a64}`, `sha512:${a128}`, `sha256:${'0123456789abcdef'.repeat(4)}`],
  unsupported: [
    `sha384:${'a'.repeat(96)}`,
    'md5:d41d8cd98f00b204e9800998ecf8427e',
    'sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564',
    'multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8',
    `blake3:${a64}`,
  ],
  malformed: [
    '',
    ':',
    'sha256',
    'sha256:',
    `:${a64}`,
    'sha256:baddigeststring',
    `sha256:${a64}a`,
    `sha256:${a64.slice(1)}`,
    `sha256:${a64.toUpperCase()}`,
    `sha256:${a64.slice(1)}g`,
    `sha256:${a64.slice(1)}\n`,
    `sha256:${a128}`,
    `sha512:${a64}`,
    `SHA256:${a64}`,
    `sha256-${a64}`,
    `md5:${'a'.repeat(300)}`,
    'md5:a/b',
    'latest',
  ],
} as const;

describe('the form of a digest', () => {
  for (const [form, texts] of Object.entries(forms)) {
    for (const text of texts) {
      test(`${JSON.stringify(text)} is ${form}`, () => {
        assert.equal(digestForm(text), form);
        assert.equal(isDigest(text), form === 'supported');
      });
    }
  }
});

test('the digest of any bytes is what OpenSSL says, and parses into its parts', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom('sha256', 'sha512'), (bytes, algorithm) => {
      const hex = createHash(algorithm).update(bytes).digest('hex');
      const digest = digestOf(algorithm, bytes);
      assert.equal(digest, `${algorithm}:${hex}`);
      assert.deepEqual([algorithmOf(digest), hexOf(digest)], [algorithm, hex]);
    }),
  );
});

test('changing any one character of a digest to another that is no hexadecimal digit spoils it', () => {
  const digest = `sha512:${a128}`;
  fc.assert(
    fc.property(
      fc.nat(digest.length - 1),
      fc.string({ minLength: 1, maxLength: 1 }).filter((character) => !/[0-9a-f]/.test(character)),
      (position, character) => {
        const spoilt = digest.slice(0, position) + character + digest.slice(position + 1);
        assert.equal(isDigest(spoilt), spoilt === digest);
      },
    ),
  );
});

test('a refusal tells an unsupported algorithm from what is no digest at all', () => {
  assert.throws(() => requireDigest(forms.unsupported[0]), {
    code: 'DIGEST_INVALID',
    message: 'The digest algorithm sha384 is not supported: use sha256 or sha512.',
  });
  assert.throws(() => requireDigest('sha256:baddigeststring'), {
    code: 'DIGEST_INVALID',
    message: /^"sha256:baddigeststring" is no digest: write sha256: and 64,/,
  });
});

test('whatever is asked for, the answer is a digest or a refusal of bounded length', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
      try {
        assert.equal(requireDigest(text), text);
      } catch (error) {
        assert(error instanceof OciError);
        assert(error.message.length < 2000);
        assert.doesNotMatch(error.message, /\p{Cc}/u);
      }
    }),
  );
});
