import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatChallenge, parseChallenges } from './challenge.ts';

function read(header: string): [scheme: string, parameters: Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
}

const headers: Record<string, [scheme: string, parameters: Record<string, string>][]> = {
  'Bearer realm="https://r/token",service="harbor-registry",scope="repository:a/b:pull,push"': [
    [
      'bearer',
      { realm: 'https://r/token', service: 'harbor-registry', scope: 'repository:a/b:pull,push' },
    ],
  ],
  'BEARER Realm = "x" , Error="insufficient_scope"': [
    ['bearer', { realm: 'x', error: 'insufficient_scope' }],
  ],
  'Basic realm="a, b=c", Bearer realm="https://x"': [
    ['basic', { realm: 'a, b=c' }],
    ['bearer', { realm: 'https://x' }],
  ],
  'Negotiate, Basic realm="x"': [
    ['negotiate', {}],
    ['basic', { realm: 'x' }],
  ],
  'Negotiate YWJj==, Basic realm="x"': [
    ['negotiate', { ywjj: '' }],
    ['basic', { realm: 'x' }],
  ],
  'Bearer realm=https://unquoted/token,service=x': [
    ['bearer', { realm: 'https://unquoted/token', service: 'x' }],
  ],
  'Bearer realm="say \\"hi\\" \\\\ there"': [['bearer', { realm: 'say "hi" \\ there' }]],
  'Bearer realm="never closed': [['bearer', { realm: 'never closed' }]],
  'Bearer realm="first",realm="second"': [['bearer', { realm: 'first' }]],
  'Bearer realm="",service=""': [['bearer', { realm: '', service: '' }]],
  Bearer: [['bearer', {}]],
  '': [],
  ' , ,': [],
  '"': [],
  '= x': [],
};

describe('the challenges of a WWW-Authenticate header', () => {
  for (const [header, expected] of Object.entries(headers)) {
    test(JSON.stringify(header), () => assert.deepEqual(read(header), expected));
  }
});

test('every challenge that is written is read back as it was, also next to others', () => {
  const challenge = fc.tuple(
    fc.constantFrom('Bearer', 'Basic', 'Digest'),
    fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z_]{1,10}$/), fc.string({ maxLength: 50 })), {
      selector: ([name]) => name,
      maxLength: 5,
    }),
  );
  fc.assert(
    fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
      const header = challenges
        .map(([scheme, entries]) => formatChallenge(scheme, entries))
        .join(', ');
      assert.deepEqual(
        parseChallenges(header).map(({ scheme, parameters }) => [scheme, [...parameters]]),
        challenges.map(([scheme, entries]) => [scheme.toLowerCase(), entries]),
      );
    }),
  );
});

test('any text is read without an error, and the longest within a tenth of a second of computing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => Array.isArray(parseChallenges(text))),
  );
  for (const piece of ['a', 'a ', 'a=', 'a="', '"', '\\', ',', 'a,', 'a=b,', '=']) {
    const started = process.threadCpuUsage();
    parseChallenges(piece.repeat(16_384 / piece.length));
    assert(process.threadCpuUsage(started).user < 100_000, piece);
  }
  assert.deepEqual(parseChallenges('a '.repeat(20_000)), []);
});
