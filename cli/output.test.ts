import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aligned, plain, timeText } from './output.ts';

test('columns are as wide as their widest cell, and no line ends in spaces', () => {
  const table = {
    columns: ['name', 'kind'],
    rows: [
      ['a', 'user'],
      ['longer', ''],
    ],
    empty: 'None.',
  };
  assert.equal(aligned(table), 'NAME    KIND\na       user\nlonger\n');
});

test('a table without rows says so', () => {
  assert.equal(aligned({ columns: ['name'], rows: [], empty: 'None.' }), 'None.\n');
});

test('what a server sends cannot steer the terminal or forge a line', () => {
  assert.equal(plain('a\u001b[2Jb\nc\td\u009b1m'), 'a [2Jb c d 1m');
});

test('times are told to the minute, and no time by a word', () => {
  assert.equal(timeText('2026-03-01T12:34:56.789Z', 'never'), '2026-03-01 12:34');
  assert.equal(timeText(null, 'never'), 'never');
  assert.equal(timeText(undefined, '-'), '-');
});
