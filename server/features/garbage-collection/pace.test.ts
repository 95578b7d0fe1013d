import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPace } from './pace.ts';

test('batches grow by whole steps while they are quick, shrink at once when they are not', () => {
  const pace = createPace(10, 100);
  const sizes: number[] = [];
  for (let count = 0; count < 8; count++) {
    pace.took(pace.size(), 0.1);
    sizes.push(pace.size());
  }
  assert.deepEqual(sizes, [15, 23, 35, 53, 80, 100, 100, 100]);
  pace.took(100, 50);
  assert.equal(pace.size(), 10);
  pace.took(10, 10_000);
  assert.equal(pace.size(), 1);
  pace.took(0, 10_000);
  assert.equal(pace.size(), 1);
});
