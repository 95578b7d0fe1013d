import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextLink } from './link.ts';

const headers: [header: string | undefined, target: string | undefined][] = [
  [undefined, undefined],
  ['', undefined],
  ['</v2/a/tags/list?last=b&n=1>; rel="next"', '/v2/a/tags/list?last=b&n=1'],
  ['</x>;rel=next', '/x'],
  ['</x>; title="a"; REL="NEXT"; type="b"', '/x'],
  ['</1>; rel="prev", </3>; rel="next"', '/3'],
  ['</3,4>; rel="next" , </1>; rel="prev"', '/3,4'],
  ['</x>; rel="prev"', undefined],
  ['</x>; rel="nextish"', undefined],
  ['/x; rel="next"', undefined],
  ['</x; rel="next"', undefined],
];

for (const [header, target] of headers) {
  test(`the next page of ${JSON.stringify(header)} is ${target}`, () => {
    assert.equal(nextLink(header), target);
  });
}

test('a long hostile header is answered at once', () => {
  const started = process.threadCpuUsage();
  nextLink('<'.repeat(16_000));
  nextLink('<>;'.repeat(5_000));
  nextLink(`<>${'; rel='.repeat(2_000)}`);
  nextLink(`<>;${' '.repeat(16_000)}`);
  nextLink('<>; rel="next"'.repeat(100_000));
  assert(process.threadCpuUsage(started).user < 200_000);
});
