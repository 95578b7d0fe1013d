import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseContentRange, parseRange, uploadRange } from './ranges.ts';

describe('a Range header for 2048 bytes', () => {
  const read: [string | undefined, unknown][] = [
    [undefined, undefined],
    ['bytes=500-1499', { first: 500, last: 1499 }],
    ['bytes=500-', { first: 500, last: 2047 }],
    ['bytes=-500', { first: 1548, last: 2047 }],
    ['bytes=-5000', { first: 0, last: 2047 }],
    ['bytes=2000-5000', { first: 2000, last: 2047 }],
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=500-0', 'unsatisfiable'],
    ['bytes=2048-', 'unsatisfiable'],
    ['bytes=5000-10000', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=0-1,5-6', undefined],
    ['items=0-1', undefined],
    ['bytes=-', undefined],
    ['bytes=a-b', undefined],
  ];
  for (const [header, expected] of read) {
    test(`${header} is ${JSON.stringify(expected) ?? 'the whole blob'}`, () => {
      assert.deepEqual(parseRange(header, 2048), expected);
    });
  }

  test('no byte of an empty blob can be asked for', () => {
    assert.equal(parseRange('bytes=0-', 0), 'unsatisfiable');
    assert.equal(parseRange('bytes=-1', 0), 'unsatisfiable');
  });

  test('a range that is read lies within the blob', () => {
    const bound = fc.oneof(fc.constant(''), fc.nat().map(String));
    fc.assert(
      fc.property(bound, bound, fc.nat(), (from, to, size) => {
        const range = parseRange(`bytes=${from}-${to}`, size);
        if (range === undefined || range === 'unsatisfiable') return;
        assert.ok(0 <= range.first && range.first <= range.last && range.last < size);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});

describe('the Content-Range of a chunk', () => {
  test('names its first and last byte, in every form that clients write', () => {
    for (const header of ['0-1023', 'bytes 0-1023/2048', 'bytes=0-1023', '0-1023/*']) {
      assert.deepEqual(parseContentRange(header), { first: 0, last: 1023 }, header);
    }
  });

  test('is nothing when malformed or backwards', () => {
    for (const header of ['', '-', '5-4', '0-', 'a-b', '0-1-2', '-1-5', '1e3-2e3']) {
      assert.equal(parseContentRange(header), undefined, header);
    }
  });
});

test('the Range of an open upload is never backwards', () => {
  assert.equal(uploadRange(0), '0-0');
  assert.equal(uploadRange(1), '0-0');
  assert.equal(uploadRange(1024), '0-1023');
});
