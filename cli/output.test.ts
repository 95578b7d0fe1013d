import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aligned, plain, timeText, wrapped } from './output.ts';

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

test('sentences of the last column go below their row where there is no room for them', () => {
  const table = {
    columns: ['node', 'trust', 'what to do'],
    rows: [
      ['a', 'trusted', ''],
      ['b', 'problem', 'It has no config_path. Set it.'],
    ],
    empty: 'None.',
    prose: true,
  };
  assert.equal(
    aligned(table, 20),
    'NODE  TRUST\na     trusted\nb     problem\n  It has no config_path. Set it.\n',
  );
  assert.match(aligned(table, 80), /^NODE {2}TRUST {4}WHAT TO DO\n/);
});

test('lines are broken between words, and a word is never broken', () => {
  assert.deepEqual(wrapped('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrapped('https://registry.test is far', 6), ['https://registry.test', 'is far']);
  assert.deepEqual(wrapped('', 6), []);
  assert.deepEqual(wrapped('all of it', Number.POSITIVE_INFINITY), ['all of it']);
});

test('what a server sends cannot steer the terminal or forge a line', () => {
  assert.equal(plain('a\u001b[2Jb\nc\td\u009b1m'), 'a [2Jb c d 1m');
});

test('times are told to the minute, and no time by a word', () => {
  assert.equal(timeText('2026-03-01T12:34:56.789Z', 'never'), '2026-03-01 12:34');
  assert.equal(timeText(null, 'never'), 'never');
  assert.equal(timeText(undefined, '-'), '-');
});
