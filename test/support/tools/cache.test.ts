import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureTools, recipeKey } from './cache.ts';
import type { Recipe } from './recipes.ts';
import { run } from './run.ts';

const program = 'package main\n\nvar word = "none"\n\nfunc main() { println(word) }\n';

let root = '';
let cache = '';
let recipe: Recipe<'hello'>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-tools-'));
  cache = join(root, 'cache');
  const folder = join(root, 'recipe');
  await mkdir(folder);
  await writeFile(join(folder, 'go.mod'), 'module example.test/hello\n\ngo 1.26.0\n');
  await writeFile(join(folder, 'go.sum'), '');
  await writeFile(join(folder, 'main.go'), program);
  recipe = {
    name: 'fake',
    folder,
    binaries: { hello: { package: '.', stamps: { 'main.word': 'v1.2.3' } } },
  };
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

test('a built program runs and knows its version', async () => {
  const { hello } = await ensureTools(recipe, { cache, report: () => {} });
  assert.equal((await run(hello, [])).stderr, 'v1.2.3\n');
});

test('the second call builds nothing', async () => {
  const lines: string[] = [];
  const first = await ensureTools(recipe, { cache, report: (line) => lines.push(line) });
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /^tools: building fake \(hello\)$/);
  assert.match(lines[1] ?? '', /^tools: built fake in \d+\.\d s$/);
  const second = await ensureTools(recipe, { cache, report: (line) => lines.push(line) });
  assert.equal(lines.length, 2);
  assert.deepEqual(second, first);
});

test('the key changes with go.mod, go.sum and the programs, and with nothing else', async () => {
  const key = await recipeKey(recipe);
  assert.equal(await recipeKey({ ...recipe }), key);

  const stamped = { hello: { package: '.', stamps: { 'main.word': 'v1.2.4' } } };
  assert.notEqual(await recipeKey({ ...recipe, binaries: stamped }), key);

  await writeFile(join(recipe.folder, 'go.sum'), '\n');
  const otherSum = await recipeKey(recipe);
  assert.notEqual(otherSum, key);

  await writeFile(join(recipe.folder, 'go.mod'), 'module example.test/hello\n\ngo 1.25.0\n');
  assert.notEqual(await recipeKey(recipe), otherSum);
});

test('processes that ask at once build once', async () => {
  const path = await fakeGo('echo build >>"$LOG"; sleep 1; exec "$REAL_GO" "$@"');
  const asked = [askInProcess(path), askInProcess(path), askInProcess(path)];
  const answers = await Promise.all(asked.map(({ answer }) => answer));
  assert.equal(new Set(answers).size, 1);
  assert.match(answers[0] ?? '', /hello$/);
  assert.equal(await readFile(join(root, 'log'), 'utf8'), 'build\n');
});

test('a build that fails leaves nothing and names what to mend', async () => {
  await writeFile(join(recipe.folder, 'main.go'), 'package main\n\nfunc main() { nonsense }\n');
  await assert.rejects(
    ensureTools(recipe, { cache, report: () => {} }),
    /mend .*go\.mod\.\n[\s\S]*nonsense/,
  );
  assert.deepEqual(await finishedAndUnfinished(), []);
});

test('a build that is killed does not count as complete', async () => {
  const path = await fakeGo('echo half >"$4"; echo build >>"$LOG"; exec sleep 60');
  const asked = askInProcess(path);
  await fileAppears(join(root, 'log'));
  const [half] = await finishedAndUnfinished();
  assert.ok(half?.includes('.unfinished-'));
  asked.kill();
  await asked.answer;

  const { hello } = await ensureTools(recipe, { cache, report: () => {} });
  assert.equal((await run(hello, [])).stderr, 'v1.2.3\n');
  assert.deepEqual(await finishedAndUnfinished(), [await recipeKey(recipe)]);
});

/** A PATH on which `go build` does what the script says and other commands reach the real Go. */
async function fakeGo(build: string): Promise<string> {
  const real = (await run('sh', ['-c', 'command -v go'])).stdout.trim();
  const bin = join(root, 'bin');
  await mkdir(bin);
  const script =
    `#!/bin/sh\nREAL_GO='${real}'\nLOG='${join(root, 'log')}'\n` +
    `if [ "$1" = build ]; then ${build}; else exec "$REAL_GO" "$@"; fi\n`;
  await writeFile(join(bin, 'go'), script);
  await chmod(join(bin, 'go'), 0o755);
  return `${bin}${delimiter}${process.env.PATH}`;
}

/** Asks for the recipe in a process, and process group, of its own. */
function askInProcess(path: string): { answer: Promise<string>; kill: () => void } {
  const code =
    `import { ensureTools } from ${JSON.stringify(join(import.meta.dirname, 'cache.ts'))};\n` +
    `const tools = await ensureTools(${JSON.stringify(recipe)}, { cache: ${JSON.stringify(cache)} });\n` +
    'process.stdout.write(tools.hello);';
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    detached: true,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return {
    answer: once(child, 'close').then(() => output),
    kill: () => process.kill(-(child.pid ?? 0), 'SIGKILL'),
  };
}

async function finishedAndUnfinished(): Promise<readonly string[]> {
  return (await readdir(cache)).filter((name) => !name.endsWith('.lock'));
}

async function fileAppears(path: string): Promise<void> {
  while (!(await readFile(path, 'utf8').catch(() => ''))) await pause(20);
}
