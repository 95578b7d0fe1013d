import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from './options.ts';

test('a whole run measures what the bars name', () => {
  const { scale, rows, databases, output, smoke } = readOptions([]);
  assert.deepEqual(scale, {
    rounds: 5,
    seconds: 5,
    blobBytes: 100_000_000,
    images: 1000,
    few: 1000,
    many: 100_000,
    garbage: 100_000,
    loadedBlobs: 10,
  });
  assert.deepEqual([rows, databases, output, smoke], [[], ['sqlite', 'postgres'], 'table', false]);
});

test('rows, rounds and the database are chosen', () => {
  const options = readOptions(['--rows', 'blob, push', '--rounds', '3', '--database', 'sqlite']);
  assert.deepEqual(options.rows, ['blob', 'push']);
  assert.equal(options.scale.rounds, 3);
  assert.deepEqual(options.databases, ['sqlite']);
});

test('what cannot be meant is refused with a sentence', () => {
  assert.throws(() => readOptions(['--rounds', '0']), /--rounds takes a whole number/);
  assert.throws(() => readOptions(['--database', 'mysql']), /--database is sqlite or postgres/);
  assert.throws(() => readOptions(['--json', '--markdown']), /Choose one/);
});
