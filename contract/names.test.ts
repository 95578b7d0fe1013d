import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  isAccessTokenName,
  isDnsSubdomain,
  isProjectName,
  isRepositoryName,
  isRobotName,
  isTagName,
  isUserName,
  parseWorkloadPattern,
  reservedProject,
  splitRepositoryName,
} from './names.ts';

interface Table {
  readonly accepts: (text: string) => boolean;
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

const tables: Record<string, Table> = {
  'project names are those of Harbor': {
    accepts: isProjectName,
    good: ['a', '0', 'library', 'my-team', 'a.b_c-d', reservedProject, 'x'.repeat(255)],
    bad: ['', 'A', '-a', 'a-', 'a--b', 'a__b', 'a..b', 'a/b', 'a b', 'é', 'a\n', 'x'.repeat(256)],
  },
  'repository names are those of the distribution specification': {
    accepts: isRepositoryName,
    good: ['a', 'a/b', 'a/b/c/d', 'a__b/c', 'a---b/c', 'a.b/c_d', `a/${'x'.repeat(253)}`],
    bad: [
      ...['', '/', 'a/', '/a', 'a//b', 'A/b', 'a/B', 'a___b', 'a..b', 'a._b', '-a', 'a-', 'a_/b'],
      ...['a/../b', 'a/./b', 'a b', 'a/b\n', 'a/b:c', 'a%2fb', `a/${'x'.repeat(254)}`],
    ],
  },
  'tags are those of the distribution specification': {
    accepts: isTagName,
    good: [
      'latest',
      '1.0',
      '_',
      'A',
      'v1.0_build.5',
      'a..b',
      `sha256-${'0'.repeat(64)}.sig`,
      'a'.repeat(128),
    ],
    bad: ['', '.a', '-a', 'a:b', 'a/b', 'a+b', 'a b', 'a\n', 'ä', 'a'.repeat(129)],
  },
  'user names keep clear of what separates them elsewhere': {
    accepts: isUserName,
    good: ['admin', 'Jane Doe', 'jane@example.com', 'übung', '李', 'a.b-c_d', 'x'.repeat(255)],
    bad: [
      ...['', ' a', 'a ', 'a\u00a0', 'a\nb', 'a\u0000', 'a\u007fb', '\ud800'],
      ...[...',"~#%$+:/'].map((character) => `a${character}b`),
      'x'.repeat(256),
    ],
  },
  'robot names hold no separator of prefix or project': {
    accepts: isRobotName,
    good: ['ci', 'ci-build.1_a'],
    bad: ['', 'CI', 'a+b', 'robot$ci', 'a--b', 'x'.repeat(256)],
  },
  'access token names are words': {
    accepts: isAccessTokenName,
    good: ['laptop', 'CI token 2', 'a_b-c.d'],
    bad: ['', ' a', 'a ', 'a  b', 'a\tb', 'a/b', 'x'.repeat(256)],
  },
  'service account names are DNS subdomains': {
    accepts: isDnsSubdomain,
    good: ['default', 'a.b', '0-0'],
    bad: ['', '.', 'a.', 'A', '-a', 'a-', 'a'.repeat(64), 'a_b'],
  },
};

for (const [name, { accepts, good, bad }] of Object.entries(tables)) {
  describe(name, () => {
    for (const text of good) test(`takes ${JSON.stringify(text)}`, () => assert(accepts(text)));
    for (const text of bad) test(`refuses ${JSON.stringify(text)}`, () => assert(!accepts(text)));
  });
}

test('a repository is split into its project and the rest, and a lone segment has no project', () => {
  assert.deepEqual(splitRepositoryName('team/app/web'), { project: 'team', path: 'app/web' });
  assert.equal(splitRepositoryName('team'), undefined);
  assert.equal(splitRepositoryName('team/'), undefined);
  assert.equal(splitRepositoryName('team/App'), undefined);
});

test('a workload pattern may leave the namespace and the service account open, never the cluster', () => {
  assert.deepEqual(parseWorkloadPattern('prod/web/default'), {
    cluster: 'prod',
    namespace: 'web',
    serviceAccount: 'default',
  });
  assert.deepEqual(parseWorkloadPattern('prod/*/*'), {
    cluster: 'prod',
    namespace: '*',
    serviceAccount: '*',
  });
  const bad = [
    '',
    'prod',
    'prod/web',
    '*/web/a',
    'prod/w*/a',
    'prod/web/a/b',
    'prod//a',
    'prod/a.b/c',
    'Prod/a/b',
  ];
  for (const text of bad) assert.equal(parseWorkloadPattern(text), undefined, text);
});

test('hostile input of any length is answered in linear time', () => {
  const hostile = ['a', '-', 'a-', 'a_', 'a.', 'a/', '*', ' ', ',', 'a--', '\ud800'];
  const grammars = [
    ...Object.values(tables).map((table) => table.accepts),
    (text: string) => parseWorkloadPattern(text) !== undefined,
  ];
  const started = process.threadCpuUsage();
  for (const piece of hostile) {
    for (const length of [60, 120, 250, 1_000_000]) {
      const text = piece.repeat(Math.ceil(length / piece.length));
      for (const accepts of grammars) {
        accepts(`${text}!`);
        accepts(text.slice(0, 254).concat('!'));
      }
    }
  }
  assert(process.threadCpuUsage(started).user < 1_000_000);
});
