import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { catalogOf, warningsOf } from './catalog.ts';
import type { ChartRow } from './queries.ts';

let manifestId = 0;

function row(fields: Partial<ChartRow> & { tag?: string } = {}): ChartRow {
  const { tag, ...given } = fields;
  const version = given.version === undefined ? '1.0.0' : given.version;
  manifestId += 1;
  return {
    manifestId,
    repository: 'team/nginx',
    digest: `sha256:${manifestId}`,
    name: 'nginx',
    version,
    appVersion: null,
    archiveDigest: 'sha256:a',
    archiveSize: 1,
    problem: null,
    signed: false,
    createdAt: manifestId,
    tags: [{ name: tag ?? version ?? 'latest', updatedAt: manifestId }],
    ...given,
  };
}

describe('the catalog of a project', () => {
  test('has a chart once, its versions falling', () => {
    const [chart, ...others] = catalogOf('team', [
      row({ version: '1.9.0' }),
      row({ version: '1.10.0' }),
      row({ version: '2.0.0-rc.1' }),
    ]);
    assert.deepEqual(others, []);
    assert.deepEqual(
      chart?.versions.map(({ version }) => version),
      ['2.0.0-rc.1', '1.10.0', '1.9.0'],
    );
    assert.equal(chart?.latest.version, '1.10.0');
    assert.deepEqual(chart?.conflicts, []);
  });

  test('lets the repository with the chart’s own name win, and names the others', () => {
    const [chart] = catalogOf('team', [
      row({ repository: 'team/a/nginx', version: '9.0.0' }),
      row({ repository: 'team/nginx', version: '1.0.0' }),
      row({ repository: 'team/z/nginx' }),
    ]);
    assert.equal(chart?.repository, 'team/nginx');
    assert.equal(chart?.latest.version, '1.0.0');
    assert.deepEqual(chart?.conflicts, ['team/a/nginx', 'team/z/nginx']);
  });

  test('lets the first repository win where none has the chart’s own name', () => {
    const rows = [row({ repository: 'team/b/nginx' }), row({ repository: 'team/a/nginx' })];
    for (const order of [rows, rows.toReversed()]) {
      const [chart] = catalogOf('team', order);
      assert.equal(chart?.repository, 'team/a/nginx');
      assert.deepEqual(chart?.conflicts, ['team/b/nginx']);
    }
  });

  test('takes the manifest with the version’s tag before one tagged later', () => {
    const right = row({ version: '1.0.0+a', tag: '1.0.0_a' });
    const later = row({ version: '1.0.0+a', tag: 'latest' });
    const [chart] = catalogOf('team', [later, right]);
    assert.equal(chart?.versions.length, 1);
    assert.equal(chart?.versions[0]?.row, right);
  });

  test('takes the manifest tagged last where no tag is the version’s', () => {
    const older = row({ tag: 'a' });
    const newer = row({ tag: 'b' });
    assert.equal(catalogOf('team', [newer, older])[0]?.versions[0]?.row, newer);
  });

  test('leaves out what no tag points at any more', () => {
    assert.deepEqual(catalogOf('team', [row({ tags: [] })]), []);
  });

  test('shows a chart that could not be read under its repository’s name and tag', () => {
    const [chart] = catalogOf('team', [row({ name: null, version: null, tag: 'broken' })]);
    assert.equal(chart?.name, 'nginx');
    assert.equal(chart?.latest.version, 'broken');
  });
});

describe('warnings of a chart', () => {
  test('tell of a tag that is another version, and of a repository with another name', () => {
    assert.deepEqual(warningsOf(row({ tag: '1.0.0' })), []);
    assert.deepEqual(warningsOf(row({ tag: 'ithome' })), []);
    assert.match(warningsOf(row({ tag: '1.0.1' }))[0] ?? '', /calls itself version 1\.0\.0/);
    assert.match(warningsOf(row({ repository: 'team/web' }))[0] ?? '', /calls itself nginx/);
  });
});
