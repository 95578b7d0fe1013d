import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { missingPackages } from './debian.ts';
import { type RunResult, run } from './run.ts';

let root = '';
let policy = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-debian-'));
  policy = join(root, 'policy-rc.d');
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

test('a package that is not installed is missing, an installed one is not', async () => {
  assert.deepEqual(await missingPackages(['dpkg', 'berth-has-no-such-package']), [
    'berth-has-no-such-package',
  ]);
});

test('services may not start during the installation, and afterwards may', async () => {
  const result = await install(
    '[ "$4" = install ] || exit 0; "$POLICY" demo start; echo $? >>"$LOG"',
  );
  assert.equal(result.code, 0);
  assert.equal(await log(), '101\n');
  assert.deepEqual(await readdir(root), ['apt-get', 'log']);
});

test("the machine's own policy is back afterwards, even after a failure", async () => {
  await writeFile(policy, '#!/bin/sh\nexit 104\n', { mode: 0o755 });
  const result = await install('"$POLICY" demo start; echo $? >>"$LOG"; exit 1');
  assert.notEqual(result.code, 0);
  assert.equal(await log(), '101\n101\n101\n');
  assert.equal(await readFile(policy, 'utf8'), '#!/bin/sh\nexit 104\n');
  assert.equal((await stat(policy)).mode & 0o777, 0o755);
});

test("a policy that a killed installation left is not taken for the machine's own", async () => {
  await install('kill -9 $PPID; sleep 0.2');
  assert.match(await readFile(policy, 'utf8'), /exit 101/);
  await install('exit 0');
  assert.deepEqual(await readdir(root), ['apt-get']);
});

test('the installation is tried three times', async () => {
  const result = await install(
    '[ "$4" = install ] || exit 0; echo try >>"$LOG"; [ $(wc -l <"$LOG") -eq 3 ]',
  );
  assert.equal(result.code, 0);
  assert.equal(await log(), 'try\ntry\ntry\n');
});

/** Runs the installation with an apt-get that does what the script says. */
async function install(aptGet: string): Promise<RunResult> {
  const program = join(root, 'apt-get');
  await writeFile(
    program,
    `#!/bin/sh\nPOLICY='${policy}'\nLOG='${join(root, 'log')}'\n${aptGet}\n`,
  );
  await chmod(program, 0o755);
  const script = join(import.meta.dirname, 'install-debian-packages.sh');
  return await run('sh', [script, policy, 'demo'], {
    env: { PATH: `${root}${delimiter}${process.env.PATH}` },
  });
}

async function log(): Promise<string> {
  return await readFile(join(root, 'log'), 'utf8');
}
