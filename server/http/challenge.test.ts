import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bearerChallenge, challengeText } from './challenge.ts';

test('a challenge names realm and service, and scope and error where there are some', () => {
  const origin = 'https://registry.example.com:5000';
  const realm = `Bearer realm="${origin}/service/token",service="harbor-registry"`;
  assert.equal(bearerChallenge(origin), realm);
  assert.equal(
    bearerChallenge(origin, { scope: 'repository:team/app:pull', error: 'invalid_token' }),
    `${realm},scope="repository:team/app:pull",error="invalid_token"`,
  );
});

test('a sentence in a challenge is printable ASCII without quotes, cut at 256 characters', () => {
  assert.equal(challengeText('user "zoë" \\ has\nno pull'), "user 'zo?' ' has?no pull");
  const long = challengeText('x'.repeat(300));
  assert.equal(long.length, 256);
  assert.ok(long.endsWith('x...'));
  assert.equal(challengeText('x'.repeat(256)), 'x'.repeat(256));
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (sentence) => {
      const text = challengeText(sentence);
      assert.match(text, /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/);
      assert.ok(text.length <= 256);
    }),
    { seed: 2026 },
  );
});
