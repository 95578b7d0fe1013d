import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { waitFor } from '#test/processes.ts';
import { promtool, skipWithoutPromtool } from '#test/promtool.ts';
import { startServer, type TestServer } from '#test/server.ts';
import { repositoryRoot } from '#test/suite.ts';

const document = readFileSync(join(repositoryRoot, 'docs/monitoring.md'), 'utf8');
const token = 'a-token-for-the-scraper';

function blocks(language: string): string[] {
  const fences = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...document.matchAll(fences)].map(([, block = '']) => block);
}

/** Name → type, of the rows of the table. */
const documented = new Map(
  [...document.matchAll(/^\| `([a-z0-9_]+)` \| (counter|gauge|histogram) \|/gm)].map(
    ([, name = '', type = '']) => [name, type],
  ),
);
/** Of PostgreSQL, and of servers with several processes. */
const elsewhere = [
  'berth_database_connections',
  'berth_database_connection_waiters',
  'berth_workers_ended_total',
];

describe('docs/monitoring.md', () => {
  let server: TestServer;
  let folder: string;
  before(async () => {
    server = await startServer({ metricsToken: token });
    folder = mkdtempSync(join(tmpdir(), 'berth-monitoring-'));
    writeFileSync(join(folder, 'ca.crt'), server.authority);
    const program = `exec '${process.execPath}' '${join(repositoryRoot, 'bin/berth.ts')}' "$@"`;
    writeFileSync(join(folder, 'berth'), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  test('lists every metric that there is, and none that there is not', async () => {
    const text = await waitFor(async () => (await server.request('/metrics')).body.toString(), {
      what: 'every metric',
      until: (body) => body.includes('berth_blobs_bytes'),
    });
    const told = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
    const expected = [...documented].filter(([name]) => !elsewhere.includes(name));
    assert.deepEqual(told.sort(), expected.sort());
  });

  test('has alert rules that Prometheus takes, on metrics that there are', {
    skip: skipWithoutPromtool(),
  }, () => {
    const rules = blocks('yaml').find((block) => block.startsWith('groups:')) ?? '';
    const file = join(folder, 'rules.yaml');
    writeFileSync(file, rules);
    assert.equal(promtool(['check', 'rules', file]), '');
    const names = rules.match(/\b(?:berth|nodejs|process)_[a-z0-9_]+/g) ?? [];
    assert.ok(names.length > 10);
    for (const name of names) {
      assert.ok(documented.has(name.replace(/_bucket$/, '')), `${name} is no metric`);
    }
  });

  test('has a scrape configuration that Prometheus takes', { skip: skipWithoutPromtool() }, () => {
    const scrape = blocks('yaml').find((block) => block.startsWith('scrape_configs:')) ?? '';
    const file = join(folder, 'prometheus.yaml');
    writeFileSync(
      file,
      scrape
        .replaceAll('/etc/prometheus/berth-token', file)
        .replaceAll('/etc/prometheus/berth-ca.crt', join(folder, 'ca.crt')),
    );
    assert.equal(promtool(['check', 'config', file]), '');
  });

  test('has examples that are YAML and JSON', () => {
    const [yaml, json] = [blocks('yaml'), blocks('json')];
    assert.ok(yaml.length > 0 && json.length > 0 && commands.length > 0);
    for (const block of yaml) assert.ok(parse(block));
    for (const block of json) assert.equal(JSON.parse(block).msg, 'request');
  });

  const commands = blocks('sh').flatMap((block) => block.trimEnd().split('\n'));
  for (const command of commands) {
    test(`runs: ${command}`, async () => {
      const port = server.host.split(':')[1];
      const env = {
        PATH: process.env.PATH,
        PORT: port,
        BERTH_METRICS_TOKEN: token,
        BERTH_SERVER: server.host,
        BERTH_TOKEN: server.admin,
        NODE_EXTRA_CA_CERTS: join(folder, 'ca.crt'),
        XDG_CONFIG_HOME: join(folder, 'configuration'),
      };
      const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder, env });
      assert.match(stdout, /berth_processes 1|robot\+prometheus|^alive$|"status":"ready"/m);
    });
  }

  test('has commands', () => assert.ok(commands.length >= 4));
});
