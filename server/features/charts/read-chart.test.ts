import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chartArchive, chartYamlOf } from '#test/charts.ts';
import { UnreadableChart } from './errors.ts';
import { readChart } from './read-chart.ts';

async function* once(bytes: Uint8Array) {
  yield bytes;
}

const read = (options: Parameters<typeof chartArchive>[0]) =>
  readChart(once(chartArchive(options)));

function refuses(options: Parameters<typeof chartArchive>[0], pattern: RegExp) {
  return assert.rejects(read(options), (error) => {
    assert.ok(error instanceof UnreadableChart, String(error));
    assert.match(error.message, pattern);
    return true;
  });
}

describe('reading a chart', () => {
  test('tells all of Chart.yaml, in the forms and the order of Helm', async () => {
    const { name, version, metadata, others, problems } = await read({
      chartYaml: [
        'version: 1.2.3+build.4',
        'name: nginx',
        'apiVersion: v2',
        'appVersion: 1.10',
        'description: >-',
        '  two',
        '  lines',
        'keywords: [web, 80]',
        'maintainers: [{url: "https://a.test", name: Ann, email: ann@a.test, phone: 1}]',
        'annotations: {artifacthub.io/license: Apache-2.0, on: true}',
        'deprecated: false',
        'home: ""',
        'dependencies: [{repository: "https://b.test", name: redis, version: ~1, tags: [a]}]',
        'x-ours: {a: [1]}',
        '',
      ].join('\n'),
    });
    assert.equal(name, 'nginx');
    assert.equal(version, '1.2.3+build.4');
    assert.equal(
      JSON.stringify(metadata),
      JSON.stringify({
        name: 'nginx',
        version: '1.2.3+build.4',
        description: 'two lines',
        keywords: ['web', '80'],
        maintainers: [{ name: 'Ann', email: 'ann@a.test', url: 'https://a.test' }],
        apiVersion: 'v2',
        appVersion: '1.1',
        annotations: { 'artifacthub.io/license': 'Apache-2.0', on: 'true' },
        dependencies: [{ name: 'redis', version: '~1', repository: 'https://b.test', tags: ['a'] }],
      }),
    );
    assert.deepEqual(others, { 'x-ours': { a: [1] } });
    assert.deepEqual(problems, []);
  });

  test('keeps values.yaml as written, comments included', async () => {
    const values = '# -- how many\nreplicas:   1 # one\n\n\nimage: {tag: ""}\n';
    assert.equal((await read({ files: { 'values.yaml': values } })).values, values);
  });

  test('tells templates, definitions and the lock file in the order of their paths', async () => {
    const { files } = await read({
      files: {
        'templates/b.yaml': 'b',
        'templates/a/c.yaml': 'c',
        'crds/d.yaml': 'd',
        'Chart.lock': 'digest: x',
      },
    });
    assert.deepEqual(files, [
      { path: 'Chart.lock', text: 'digest: x' },
      { path: 'crds/d.yaml', text: 'd' },
      { path: 'templates/a/c.yaml', text: 'c' },
      { path: 'templates/b.yaml', text: 'b' },
    ]);
  });

  test('finds a README whatever its case', async () => {
    assert.equal((await read({ files: { 'readme.MD': 'hello' } })).readme, 'hello');
  });

  test('takes the dependencies of an older chart from requirements.yaml', async () => {
    const { metadata } = await read({
      chartYaml: 'name: old\nversion: 0.1.0\n',
      files: {
        'requirements.yaml':
          'dependencies:\n- {name: redis, version: 1.x.x, repository: "@stable"}\n',
      },
    });
    assert.deepEqual(metadata.dependencies, [
      { name: 'redis', version: '1.x.x', repository: '@stable' },
    ]);
    assert.equal(metadata.apiVersion, 'v1');
  });

  for (const [what, chartYaml, problem] of [
    ['no name', 'version: 1.0.0', /has no name/],
    ['no version', 'name: a', /has no version/],
    ['a version that is none', 'name: a\nversion: latest', /no semantic version/],
    ['a name with a slash', 'name: ../a\nversion: 1.0.0', /name must be letters/],
    ['keywords that are no list', 'name: a\nversion: 1.0.0\nkeywords: x', /keywords is no list/],
    ['a mapping for a text', 'name: a\nversion: 1.0.0\nhome: {a: 1}', /home is no text/],
    ['an empty maintainer', 'name: a\nversion: 1.0.0\nmaintainers: [null]', /empty item/],
    ['a text for a truth value', 'name: a\nversion: 1.0.0\ndeprecated: "yes"', /deprecated is/],
    ['an unknown type', 'name: a\nversion: 1.0.0\ntype: thing', /type is neither/],
  ] as const) {
    test(`names the problem of ${what}, and leaves the field out`, async () => {
      const { problems, name, version } = await read({ chartYaml });
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', problem);
      assert.ok(name === undefined || name === 'a');
      assert.ok(version === undefined || version === '1.0.0');
    });
  }

  test('refuses an archive without Chart.yaml', () =>
    refuses(
      { chartYaml: '', name: 'a/b', files: {} },
      /The chart archive has no Chart.yaml in its folder/,
    ));

  for (const [what, chartYaml, reason] of [
    ['broken YAML', 'name: [a\nversion: 1', /^Chart.yaml is not valid YAML: /],
    ['a list', '- a\n', /no mapping/],
    ['nothing', '', /no mapping/],
    [
      'an alias bomb',
      [
        'a: &a [x, x, x, x, x, x, x, x, x]',
        'b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]',
        'c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]',
        'd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]',
        'name: [*d, *d, *d]',
      ].join('\n'),
      /alias/,
    ],
    ['a mapping in itself', 'a: &a\n  b: *a\n', /alias|deeper/],
    ['deep brackets', `a: ${'['.repeat(5_000)}`, /deeper than 32/],
    ['deep dashes', `a:\n${'- '.repeat(5_000)}x`, /deeper than 32|not valid/],
    [
      'deep indentation',
      Array.from({ length: 300 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
      /deeper than 32/,
    ],
    ['a huge file', `a: ${'x'.repeat(200_000)}`, /larger than 131072/],
    ['too many values', `a: [${'1,'.repeat(30_000)}]`, /more than 20000 values/],
  ] as const) {
    test(`refuses ${what} for a Chart.yaml`, () => refuses({ chartYaml }, reason));
  }

  test('takes __proto__ for a name like others', async () => {
    const { others } = await read({
      chartYaml: `${chartYamlOf('a', '1.0.0')}__proto__: {polluted: true}\n`,
    });
    assert.equal(Object.hasOwn(others, '__proto__'), true);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });
});
