import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fastCheck from 'fast-check';
import { Refusal } from '#lib/errors.ts';
import { parseFilter, type Term } from './filter.ts';
import { parseSort } from './sort.ts';

const fields = ['name', 'level', 'project_id', 'creation_time'] as const;

describe("a list's filter", () => {
  const cases: [string, (typeof fields)[number], Term][] = [
    ['name=web', 'name', { kind: 'exact', value: 'web' }],
    ['name=', 'name', { kind: 'exact', value: '' }],
    ['name=a=b', 'name', { kind: 'exact', value: 'a=b' }],
    ['name=~we', 'name', { kind: 'fuzzy', value: 'we' }],
    ['creation_time=[1~2]', 'creation_time', { kind: 'range', from: '1', to: '2' }],
    ['creation_time=[1~]', 'creation_time', { kind: 'range', from: '1' }],
    ['creation_time=[~2]', 'creation_time', { kind: 'range', to: '2' }],
    ["name={'a' 'b c'}", 'name', { kind: 'any', values: ['a', 'b c'] }],
    ['name=(a b)', 'name', { kind: 'all', values: ['a', 'b'] }],
    ['ProjectID=4', 'project_id', { kind: 'exact', value: '4' }],
    ['name="quoted"', 'name', { kind: 'exact', value: 'quoted' }],
  ];
  for (const [text, field, term] of cases) {
    test(`reads ${text}`, () => {
      assert.deepEqual([...parseFilter(text, fields)], [[field, term]]);
    });
  }

  test('joins terms by commas, also after a list that holds one', () => {
    const terms = parseFilter('Level=project,ProjectID=4,name={a,b c}', fields);
    assert.deepEqual(terms.get('level'), { kind: 'exact', value: 'project' });
    assert.deepEqual(terms.get('project_id'), { kind: 'exact', value: '4' });
    assert.deepEqual(terms.get('name'), { kind: 'any', values: ['a,b', 'c'] });
  });

  test('is empty where nothing is asked', () => {
    for (const text of [undefined, '', ' ', ',']) assert.equal(parseFilter(text, fields).size, 0);
  });

  test('refuses what it does not know, with the fields that it takes', () => {
    assert.throws(() => parseFilter('secret=1', fields), /cannot filter by "secret".*project_id/);
    assert.throws(() => parseFilter('name', fields), /write name=value/);
    assert.throws(() => parseFilter('creation_time=[1]', fields), /from~to/);
    assert.throws(() => parseFilter('name=a,'.repeat(17), fields), /more than 16/);
    assert.throws(() => parseFilter(`name={${'a '.repeat(201)}}`, fields), /more than 200/);
  });

  test('never fails but by a refusal', () => {
    const alphabet = fastCheck.constantFrom(...`name=,~[]{}()'" ax`);
    const text = fastCheck.string({ unit: alphabet, maxLength: 60 });
    fastCheck.assert(
      fastCheck.property(text, (query) => {
        try {
          parseFilter(query, fields);
        } catch (error) {
          assert.ok(error instanceof Refusal, String(error));
        }
      }),
    );
  });
});

describe("a list's order", () => {
  test('reads fields and their direction', () => {
    assert.deepEqual(parseSort('-creation_time,name', fields), [
      { field: 'creation_time', falling: true },
      { field: 'name', falling: false },
    ]);
    assert.deepEqual(parseSort(undefined, fields), []);
    assert.deepEqual(parseSort('name,-name', fields), [{ field: 'name', falling: false }]);
  });

  test('refuses fields that are not to be sorted by', () => {
    assert.throws(() => parseSort('password_hash', fields), /cannot sort by "password_hash"/);
  });
});
