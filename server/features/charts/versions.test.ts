import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  compareVersionsFalling,
  latestOf,
  parseVersion,
  tagOfVersion,
  versionOfTag,
} from './versions.ts';

describe('versions of charts', () => {
  test('are read as Helm reads them', () => {
    for (const good of ['1.2.3', 'v1.2.3', '1.2', '1', '1.2.3-rc.1', '1.2.3+a.b', '0.0.0-0+0']) {
      assert.notEqual(parseVersion(good), undefined, good);
    }
    for (const bad of [
      '',
      'latest',
      'x.1',
      '1.2.3.4',
      '1.2.3 ',
      '1..2',
      '1.2.3-',
      `${'1'.repeat(300)}.0.0`,
    ]) {
      assert.equal(parseVersion(bad), undefined, bad);
    }
  });

  test('fall by precedence, and what is none comes last', () => {
    const versions = ['1.9.0', 'nonsense', '1.10.0', '1.10.0-rc.1', 'v2', '1.10.0+2', '1.10.0+1'];
    assert.deepEqual(versions.toSorted(compareVersionsFalling), [
      'v2',
      '1.10.0+2',
      '1.10.0+1',
      '1.10.0',
      '1.10.0-rc.1',
      '1.9.0',
      'nonsense',
    ]);
  });

  test('have a latest one, which is a pre-release only where nothing else is there', () => {
    const latest = (...versions: string[]) =>
      latestOf(versions.map((version) => ({ version })))?.version;
    assert.equal(latest('2.0.0-rc.1', '1.0.0', '0.9.0'), '1.0.0');
    assert.equal(latest('2.0.0-rc.1', '1.0.0-rc.1'), '2.0.0-rc.1');
    assert.equal(latest(), undefined);
  });

  test('have tags without a plus', () => {
    assert.equal(tagOfVersion('1.2.3+a.b'), '1.2.3_a.b');
    assert.equal(versionOfTag('1.2.3_a.b'), '1.2.3+a.b');
    assert.equal(versionOfTag('latest'), undefined);
  });
});
