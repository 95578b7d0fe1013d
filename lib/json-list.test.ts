import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { JsonListProblem, readJsonList } from './json-list.ts';

function inPieces(text: string, size: number): Uint8Array[] {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

async function read(text: string, size = 7, longestElement = 1_000_000) {
  const taken: unknown[] = [];
  const found = await readJsonList(inPieces(text, size), {
    field: 'items',
    longestElement,
    take: (element) => taken.push(element),
  });
  return { found, taken };
}

describe('a list in JSON that comes in pieces', () => {
  test('gives its objects as JSON.parse does, wherever they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
        fc.dictionary(
          fc.string().filter((name) => name !== 'items'),
          fc.jsonValue(),
        ),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(0, 4),
        async (items, around, size, blanks) => {
          const text = JSON.stringify({ ...around, items, kind: 'List' }, null, blanks);
          const { found, taken } = await read(text, size);
          assert.equal(found, true);
          assert.deepEqual(taken, JSON.parse(text).items);
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });

  test('is the one of the outermost object, under its name and no other', async () => {
    const others = [
      '{"metadata":{"items":[{"a":1}]}}',
      '{"x":"items","y":[{"a":1}]}',
      '{"items":"items","y":[{"a":1}]}',
      '{"items2":[{"a":1}],"\\"items":[{"a":1}]}',
      '{"items":7}',
      '{"items":{"items":[{"a":1}]}}',
      '[{"a":1}]',
      'null',
      '"items"',
      '',
      '  ',
    ];
    for (const text of others) {
      assert.deepEqual(await read(text), { found: false, taken: [] }, text);
    }
    const { taken } = await read('{"items":[1,null,"{",[{"a":1}],{"a":{"b":["}"]}}],"x":[{}]}');
    assert.deepEqual(taken, [{ a: { b: ['}'] } }]);
  });

  test('that is broken off, no JSON or has an element that is too long is refused', async () => {
    for (const text of [
      '{',
      '{"items":[',
      '{"items":[{"a":"',
      '{"items":[{"a":1}',
      '{"items":[{a}]}',
    ]) {
      await assert.rejects(read(text), JsonListProblem, text);
    }
    const long = JSON.stringify({ items: [{ a: 'x'.repeat(200) }] });
    await assert.rejects(read(long, 7, 100), /longer than 100 bytes/);
    assert.equal((await read(long, 7, 300)).taken.length, 1);
  });
});
