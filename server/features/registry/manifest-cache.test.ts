import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOf, createManifestCache } from './manifest-cache.ts';

const bytes = (length: number) => new Uint8Array(length);

test('a manifest is remembered under its id', () => {
  const cache = createManifestCache(1000);
  const manifest = bytes(10);
  cache.set(1, manifest);
  assert.equal(cache.get(1), manifest);
  assert.equal(cache.get(2), undefined);
});

test('what is used stays, however much passes by', () => {
  const cache = createManifestCache(1000);
  cache.set(0, bytes(100));
  for (let id = 1; id < 100; id += 1) {
    cache.set(id, bytes(100));
    assert.ok(cache.get(0), String(id));
  }
});

test('no more is held than the capacity, whatever is put in', () => {
  const cache = createManifestCache(1000);
  for (let id = 0; id < 1000; id += 1) cache.set(id, bytes(id % 500));
  for (let round = 0; round < 3; round += 1) {
    let held = 0;
    for (let id = 0; id < 1000; id += 1) held += cache.get(id)?.length ?? 0;
    assert.ok(held > 0 && held <= 1000, String(held));
  }
});

test('a manifest put in twice counts once', () => {
  const cache = createManifestCache(1000);
  cache.set(1, bytes(300));
  for (let times = 0; times < 10; times += 1) cache.set(2, bytes(200));
  assert.ok(cache.get(1));
});

test('a body holds the bytes as they are, whatever its length and theirs', () => {
  for (const length of [0, 1, 300, 16 * 1024, 16 * 1024 + 1]) {
    const whole = Uint8Array.from({ length: length + 3 }, (_, index) => index % 256);
    const body = bodyOf(whole.subarray(3));
    const sent = typeof body === 'string' ? Buffer.from(body, 'latin1') : Buffer.from(body);
    assert.deepEqual(sent, Buffer.from(whole.subarray(3)));
  }
});
