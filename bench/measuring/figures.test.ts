import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bar, figureOf, holds, isMissedTenfold, median, type Row } from './figures.ts';

const row: Row = {
  name: 'manifest-get/bare',
  title: 'manifest GET by tag',
  unit: 'requests/s',
  against: 'bare',
  bar: { of: 'ratio', atLeast: 0.6 },
};

test('the median is the middle value, or the mean of the middle two', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 100, 2, 1]), 3);
  assert.equal(median([7]), 7);
  assert.throws(() => median([]), RangeError);
});

test('a bar holds at its own value and not beside it', () => {
  const least: Bar = { of: 'ratio', atLeast: 0.6 };
  assert.equal(holds(least, { value: 1, ratio: 0.6 }), true);
  assert.equal(holds(least, { value: 1, ratio: 0.599 }), false);
  const most: Bar = { of: 'value', atMost: 50 };
  assert.equal(holds(most, { value: 50 }), true);
  assert.equal(holds(most, { value: 50.1 }), false);
});

test('a bar does not hold for what is no number', () => {
  assert.equal(holds({ of: 'ratio', atLeast: 0.6 }, { value: 10 }), false);
  assert.equal(holds({ of: 'value', atMost: 50 }, { value: Number.NaN }), false);
  assert.equal(isMissedTenfold({ of: 'value', atMost: 50 }, { value: Number.NaN }), true);
});

test('a tenfold miss is a miss by more than ten times', () => {
  const least: Bar = { of: 'ratio', atLeast: 5 };
  assert.equal(isMissedTenfold(least, { value: 1, ratio: 0.5 }), false);
  assert.equal(isMissedTenfold(least, { value: 1, ratio: 0.49 }), true);
  const most: Bar = { of: 'value', atMost: 1 };
  assert.equal(isMissedTenfold(most, { value: 10 }), false);
  assert.equal(isMissedTenfold(most, { value: 10.1 }), true);
});

test('a figure has the shape that scripts read', () => {
  assert.deepEqual(figureOf(row, { value: 51_234.56, ratio: 0.61234, details: 'p50 1 ms' }), {
    name: 'manifest-get/bare',
    value: 51_235,
    unit: 'requests/s',
    ratio: 0.612,
    against: 'bare',
    bar: 'ratio >= 0.6',
    holds: true,
  });
});

test('a row that did not run has no figure, and says why', () => {
  assert.deepEqual(figureOf(row, { reason: 'no wrk' }), {
    name: 'manifest-get/bare',
    value: null,
    unit: 'requests/s',
    ratio: null,
    against: 'bare',
    bar: 'ratio >= 0.6',
    holds: null,
    reason: 'no wrk',
  });
});

test('rounding does not decide whether a bar holds', () => {
  const figure = figureOf(row, { value: 1, ratio: 0.5999 });
  assert.equal(figure.ratio, 0.6);
  assert.equal(figure.holds, false);
});
