import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateCheck } from './checks.ts';

const term = { certificate: 'leaf', fingerprint: 'AB', beginsAt: 1_000, endsAt: 2_000 } as const;

const moments: [string, number, 'works' | 'fails', RegExp?][] = [
  ['before it begins', 999, 'fails', /valid from 1970-01-01T00:00:01\.000Z only: check the clock/],
  ['from its first moment', 1_000, 'works'],
  ['to its last', 1_999, 'works'],
  ['from its end on', 2_000, 'fails', /certificate expired on 1970-01-01T00:00:02\.000Z: replace/],
];
for (const [when, now, status, message] of moments) {
  test(`a certificate ${status === 'works' ? 'is good' : 'makes the server unready'} ${when}`, async () => {
    const condition = await certificateCheck(
      () => [term],
      () => now,
    ).check();
    assert.equal(condition.status, status);
    if (message !== undefined)
      assert.match('message' in condition ? condition.message : '', message);
  });
}
