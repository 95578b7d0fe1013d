import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { Refusal } from '#lib/errors.ts';
import { OciError } from '#oci/errors.ts';
import { packError, unpackError } from './crossing.ts';

const cross = (error: unknown) => unpackError(structuredClone(packError(error)));

describe('errors that cross threads', () => {
  test('keep their class, fields, stack and cause', () => {
    const cause = new OciError('TAG_INVALID', 'The tag is too long.', [{ length: 200 }]);
    const refusal = new Refusal('precondition', 'It has changed.', { cause });
    const crossed = cross(refusal);
    assert(crossed instanceof Refusal);
    assert.deepEqual(
      [crossed.name, crossed.kind, crossed.message, crossed.stack],
      [refusal.name, refusal.kind, refusal.message, refusal.stack],
    );
    assert(crossed.cause instanceof OciError);
    assert.deepEqual(
      [crossed.cause.name, crossed.cause.code, crossed.cause.message, crossed.cause.detail],
      [cause.name, cause.code, cause.message, cause.detail],
    );
  });

  test('that are nothing known keep name and message, whatever was thrown', () => {
    assert.equal(cross(new TypeError('not a number')).name, 'TypeError');
    assert.equal(cross('a string').message, 'a string');
    const circular = new Error('around');
    circular.cause = circular;
    assert.equal(cross(circular).message, 'around');
  });

  test('become a refusal, with what SQLite said, when SQLite has no space', () => {
    using database = new DatabaseSync(':memory:');
    database.exec('create table bytes (value blob); pragma max_page_count = 10');
    const full = thrown(() => database.exec('insert into bytes values (zeroblob(1000000))'));
    const crossed = cross(full);
    assert(crossed instanceof Refusal);
    assert.equal(crossed.kind, 'no-space');
    assert(crossed.cause instanceof Error);
    assert.match(crossed.cause.message, /full/);

    const other = thrown(() => database.exec('insert into nothing values (1)'));
    assert(!(cross(other) instanceof Refusal));
  });
});

function thrown(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return assert.fail('it threw nothing');
}
