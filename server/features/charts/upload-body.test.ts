import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refusal } from '#lib/errors.ts';
import { readUploadBody } from './upload-body.ts';

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text));
}

const boundary = '-----4f2a9c71d0';

function partOf(name: string, content: string, filename?: string): string {
  const file = filename === undefined ? '' : `; filename="${filename}"`;
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`;
}

const form = `multipart/form-data; boundary=${boundary}`;

async function textsOf(
  body: string,
  contentType: string | undefined,
  whole: 'chart' | 'provenance',
) {
  const { chart, provenance } = await readUploadBody(bytesOf(body), contentType, whole);
  return [chart, provenance].map((bytes) => bytes && Buffer.from(bytes).toString());
}

describe('the body of an upload', () => {
  test('is one file, whatever its type, unless it is a form', async () => {
    assert.deepEqual(await textsOf('x', undefined, 'chart'), ['x', undefined]);
    assert.deepEqual(await textsOf('x', 'text/plain', 'provenance'), [undefined, 'x']);
  });

  test('is a form of files, or of plain fields', async () => {
    const files = `${partOf('chart', 'a\r\nb', 'a.tgz')}${partOf('prov', 'p', 'a.prov')}--${boundary}--\r\n`;
    assert.deepEqual(await textsOf(files, form, 'chart'), ['a\r\nb', 'p']);
    const quoted = `Multipart/Form-Data; boundary="${boundary}"`;
    assert.deepEqual(await textsOf(`${partOf('chart', 'a')}--${boundary}--\r\n`, quoted, 'chart'), [
      'a',
      undefined,
    ]);
  });

  for (const [what, body, contentType] of [
    ['no form at all', 'hello', form],
    ['a form that is cut', partOf('chart', 'a', 'a.tgz'), form],
    [
      'a form without a boundary',
      `${partOf('chart', 'a')}--${boundary}--\r\n`,
      'multipart/form-data',
    ],
    ['a form of many parts', `${partOf('a', '').repeat(20)}--${boundary}--\r\n`, form],
  ] as const) {
    test(`is refused with a sentence when it is ${what}`, () =>
      assert.rejects(
        textsOf(body, contentType, 'chart'),
        (error) => error instanceof Refusal && error.kind === 'invalid',
      ));
  }
});
