import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import type { Command } from 'commander';
import { repositoryRoot } from '#test/suite.ts';
import { createProgram } from './program.ts';
import { type CommandLine, openCommandLine } from './testing/command-line.ts';

const environment = {
  server: undefined,
  token: undefined,
  configFolder: '/nowhere',
  hostname: 'test',
  searchPath: '',
};

const never = () => Promise.reject(new Error('Nothing is run here'));
const programs = { serve: never, backup: never, restore: never, verify: never };

function leavesOf(command: Command, path: readonly string[] = []): [string, Command][] {
  return command.commands.flatMap((child): [string, Command][] => {
    const here = [...path, child.name()];
    return child.commands.length > 0 ? leavesOf(child, here) : [[here.join(' '), child]];
  });
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

describe('every command', () => {
  const leaves = leavesOf(createProgram(environment, programs));

  test('is here', () => assert.ok(leaves.length >= 30, String(leaves.length)));

  for (const [path, command] of leaves) {
    test(`berth ${path} has a help text with an example of itself`, () => {
      const help = helpOf(command);
      assert.match(help, /^Examples?:\n {2}\$ /m);
      const [, example = ''] = /^Examples?:\n {2}\$ (.*)$/m.exec(help) ?? [];
      assert.ok(example.includes(`berth ${path}`), example);
      for (const line of help.split('\n')) assert.ok(line.length <= 160, line);
    });
    if (path !== 'serve') {
      test(`berth ${path} answers in JSON when asked`, () => {
        assert.ok(command.options.some(({ long }) => long === '--json'));
      });
    }
  }
});

describe('the program', () => {
  async function run(
    given: readonly string[],
    use: (line: CommandLine) => Promise<void> = async () => undefined,
  ) {
    await using line = await openCommandLine();
    await use(line);
    return line.berth(given);
  }

  test('shows its help to those who ask nothing else, the first steps first', async () => {
    for (const given of [[], ['--help']]) {
      const { code, stdout, stderr } = await run(given);
      assert.equal(code, 0);
      assert.equal(stderr, '');
      assert.ok(stdout.indexOf('First steps:') < stdout.indexOf('People:'));
    }
  });

  test('ends with 2 for what it does not know, and says where to look', async () => {
    for (const given of [['projct'], ['project', 'lst'], ['project', 'list', '--jsn']]) {
      const { code, stdout, stderr } = await run(given);
      assert.equal(code, 2, given.join(' '));
      assert.equal(stdout, '');
      assert.match(stderr, /^berth: unknown (?:command|option)/);
      assert.match(stderr, /--help/);
      assert.doesNotMatch(stderr, /\n\s+at /);
    }
  });

  test('ends with 1 and one sentence when the server cannot start', async () => {
    const { code, stderr } = await run(['serve', '--port', 'x']);
    assert.equal(code, 1);
    assert.match(stderr, /^berth: --port is not a port: [^\n]+\.\n$/);
  });

  test('ends quietly when whoever reads its answer has gone', async () => {
    await using line = await openCommandLine();
    const program = join(repositoryRoot, 'bin', 'berth.ts');
    const child = spawn(process.execPath, [program, '--help'], {
      cwd: line.home,
      env: { HOME: line.home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    assert.equal(said, '');
    assert.equal(code, 0);
  });

  test('tells its version', async () => {
    assert.match((await run(['version'])).stdout, /^berth \d+\.\d+\.\d+\n$/);
  });
});
