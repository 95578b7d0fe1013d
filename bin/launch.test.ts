import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { repositoryRoot } from '#test/suite.ts';

const execute = promisify(execFile);
/** What a newcomer's shell has: whatever Node.js is installed, not the one of this clone. */
const PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter);

describe('a fresh clone, on whatever Node.js is installed', () => {
  let clone: string;
  const berth = (...command: string[]) =>
    execute(join(clone, 'berth'), command, { env: { ...process.env, PATH }, timeout: 240_000 });

  before(async () => {
    clone = mkdtempSync(join(tmpdir(), 'berth-clone-'));
    await execute('git', ['clone', '--quiet', '--depth=1', `file://${repositoryRoot}`, clone]);
  });
  after(() => rmSync(clone, { recursive: true, force: true }));

  test('installs what is missing at the first command and says so', {
    timeout: 300_000,
  }, async () => {
    const { stdout, stderr } = await berth('version', '--json');
    assert.match(stderr, /^Installing the packages that package-lock\.json names …\n/);
    assert.match(stderr, /Installed in \d+\.\d s\.\n$/);
    assert.equal(JSON.parse(stdout).node, process.versions.node);
  });

  test('installs nothing at the next one, and passes arguments and exit codes on', async () => {
    await assert.rejects(
      berth('no-such-command'),
      (error: Error & { code: number; stderr: string }) => {
        assert.doesNotMatch(error.stderr, /Installing/);
        assert.match(error.stderr, /no-such-command/);
        assert.equal(error.code, 2);
        return true;
      },
    );
  });

  test('a source that was changed counts at the next command', async () => {
    const file = join(clone, 'cli', 'version.ts');
    const source = readFileSync(file, 'utf8');
    writeFileSync(file, source.replace('Show the version', 'Tell the version'));
    const { stdout } = await berth('version', '--help');
    assert.match(stdout, /Tell the version/);
  });

  test('becomes the server that it starts: no other process stays', async () => {
    const server = spawn(
      join(clone, 'berth'),
      ['serve', '--data', join(clone, 'data'), '--port=0'],
      {
        env: { ...process.env, PATH, BERTH_LOG_LEVEL: 'info' },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const exit = once(server, 'exit');
    try {
      let metrics: Response | undefined;
      for await (const line of createInterface({ input: server.stdout })) {
        const port = /"port":(\d+),"msg":"listening"/.exec(line)?.[1];
        if (port === undefined) continue;
        // What is loaded late has to be in the bundle too.
        metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
        break;
      }
      assert(metrics !== undefined, 'it listens');
      assert.equal(metrics.status, 200, await metrics.text());
      const command = readFileSync(`/proc/${server.pid}/cmdline`, 'utf8').split('\0');
      assert(
        command.some((part) => part.endsWith('/berth.js')),
        command.join(' '),
      );
      const program = command.find((part) => part.endsWith('/berth.js')) ?? '';
      await bundledAnew(dirname(program));
      assert(existsSync(program), 'a program that runs keeps the parts that it loads late');
    } finally {
      server.kill('SIGTERM');
    }
    assert.deepEqual(await exit, [0, null]);
  });

  /** Makes every bundle there is an old one, and others besides, then runs a newer program. */
  async function bundledAnew(running: string): Promise<void> {
    const bundles = dirname(running);
    const ended = join(bundles, 'ended');
    for (const name of ['ended', 'one', 'two', 'three']) mkdirSync(join(bundles, name));
    for (const folder of [running, ended]) utimesSync(folder, 0, 0);
    const file = join(clone, 'cli', 'version.ts');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n`);
    await berth('version');
    assert(!existsSync(ended), 'the bundle of a program that has ended is removed');
  }
});
