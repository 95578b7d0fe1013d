import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Refusal } from '#lib/errors.ts';
import { parseAuthorization } from './authorization-header.ts';

const texts = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));

test('names and passwords of Basic credentials are read back as they were, colons in passwords included', () => {
  fc.assert(
    fc.property(
      texts.filter((name) => !name.includes(':')),
      texts,
      fc.constantFrom('Basic', 'basic', 'BASIC'),
      fc.constantFrom('base64' as const, 'base64url' as const),
      (username, password, scheme, encoding) => {
        const pair = Buffer.from(`${username}:${password}`).toString(encoding);
        assert.deepEqual(parseAuthorization(`${scheme} ${pair}`), {
          scheme: 'basic',
          username,
          password,
        });
      },
    ),
  );
});

test('a name or password with the character U+0000 is refused', () => {
  for (const pair of ['a\0:b', 'a:b\0']) {
    assert.throws(() => parseAuthorization(`Basic ${btoa(pair)}`), Refusal);
  }
});

test('any other text is read as a token or refused as credentials are', () => {
  const headers = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'binary' }).map((text) => `Basic ${text}`),
    fc.string({ unit: 'binary' }).map((text) => `Bearer ${text}`),
  );
  fc.assert(
    fc.property(headers, (header) => {
      try {
        const read = parseAuthorization(header);
        assert.notEqual(read.scheme === 'bearer' ? read.token : `${read.username}:`, '');
      } catch (error) {
        assert.ok(error instanceof Refusal && error.kind === 'unauthenticated', String(error));
      }
    }),
  );
});
