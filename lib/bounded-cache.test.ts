import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBoundedCache } from './bounded-cache.ts';

test('holds no more entries than it may, however many are set', () => {
  const cache = createBoundedCache<number>(10);
  for (let number = 0; number < 1000; number++) cache.set(`key ${number}`, number);
  const held = Array.from({ length: 1000 }, (_, number) => `key ${number}`).filter(
    (key) => cache.get(key) !== undefined,
  );
  assert(held.length >= 5 && held.length <= 10, `${held.length} are held`);
  assert.equal(cache.get('key 999'), 999);
});

test('keeps what is used, and lets go of what is not', () => {
  const cache = createBoundedCache<string>(10);
  cache.set('used', 'yes');
  cache.set('unused', 'no');
  for (let number = 0; number < 100; number++) {
    cache.set(`key ${number}`, 'passing');
    assert.equal(cache.get('used'), 'yes');
  }
  assert.equal(cache.get('unused'), undefined);
});

test('answers the value set last, and none that was deleted or cleared', () => {
  const cache = createBoundedCache<number>(2);
  cache.set('a', 1);
  cache.set('b', 1);
  cache.set('a', 2);
  assert.equal(cache.get('a'), 2);
  cache.delete('a');
  assert.equal(cache.get('a'), undefined);
  cache.set('a', 3);
  cache.clear();
  assert.equal(cache.get('a'), undefined);
  assert.equal(cache.get('b'), undefined);
});
