import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { requestId } from './request-id.ts';

describe('a request', () => {
  test('keeps the id that its caller gave it, where a log can hold it', () => {
    for (const id of ['a', '5f0c1a2b-7', 'Root=1-67891233-abcdef:x/y+z=', 'x'.repeat(128)]) {
      assert.equal(requestId(id), id);
    }
  });

  test('gets another id else, each its own', () => {
    const given = [undefined, '', 'x'.repeat(129), 'a b', 'a"b', 'a\nb', 'ä', 'a\u001b[2J', ['a']];
    const ids = given.map(requestId);
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-z]+$/);
    assert.equal(new Set(ids).size, given.length);
  });
});
