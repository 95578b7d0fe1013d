import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  recordedProcess,
  recordProcess,
  run,
  start,
  stopRecorded,
  succeed,
  waitFor,
} from './processes.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-processes-'));
});
afterEach(() => rm(folder, { recursive: true }));

const sh = (script: string) => ({ command: 'sh', args: ['-c', script] });

test('a program gets its input and its arguments without a shell between', async () => {
  assert.equal(await succeed('cat', ['-'], { input: 'text' }), 'text');
  assert.equal(await succeed('echo', ['$HOME;', '*']), '$HOME; *\n');
});

test('a program that fails is reported with what it said', async () => {
  const { command, args } = sh('echo reason >&2; exit 3');
  assert.deepEqual(await run(command, args), { code: 3, stdout: '', stderr: 'reason\n' });
  await assert.rejects(succeed(command, args), /ended with 3\.\nreason/);
});

test('a program that exceeds its limit is killed with its children', async () => {
  const record = join(folder, 'child');
  const { command, args } = sh(`sleep 1000 & echo $! >${record}; wait`);
  await assert.rejects(run(command, args, { limit: 500 }), /did not end within 500 ms/);
  const child = (await readFile(record, 'utf8')).trim();
  await waitFor(async () => !(await runs(child)), { what: 'the child to be gone', limit: 10_000 });
});

test('stopping a program waits for it and for its children', async () => {
  const program = await start(folder, { name: 'family', ...sh('sleep 1000 & echo $!; wait') });
  const log = join(folder, 'family.log');
  const child = await waitFor(() => readFile(log, 'utf8'), { what: 'the child', limit: 10_000 });
  await program.stop();
  assert.equal(program.running(), false);
  assert.equal(await runs(child.trim()), false);
});

test('a program that ignores TERM is killed after the limit', async () => {
  const program = await start(folder, {
    name: 'stubborn',
    ...sh("trap '' TERM; echo ready; while :; do sleep 1; done"),
  });
  await waitFor(() => readFile(program.log, 'utf8'), { what: 'the trap', limit: 10_000 });
  await program.stop(100);
  assert.equal(program.running(), false);
});

test('what an earlier process recorded is stopped', async () => {
  const program = await start(folder, { name: 'left', command: 'sleep', args: ['1000'] });
  await stopRecorded(folder);
  await waitFor(async () => !program.running(), { what: 'the program to be gone', limit: 10_000 });
});

test('a record does not stand for another process that got the same pid', async () => {
  const record = join(folder, 'record');
  await recordProcess(record, process.pid);
  assert.equal(await recordedProcess(record), process.pid);
  await writeFile(record, `${process.pid} 1@another-boot\n`);
  assert.equal(await recordedProcess(record), undefined);
});

test('a wait that fails shows what it saw last and the end of the log', async () => {
  const program = await start(folder, {
    name: 'talker',
    ...sh('echo my last words; sleep 1000'),
  });
  await waitFor(() => readFile(program.log, 'utf8'), { what: 'the words', limit: 10_000 });
  await assert.rejects(
    waitFor(async () => 'half', {
      what: 'the whole',
      until: (seen) => seen === 'whole',
      limit: 100,
      programs: [program],
    }),
    /100 ms went by while waiting for the whole\.\nLast seen: half\n--- talker .*\nmy last words/,
  );
  await program.stop();
});

test('a wait ends as soon as a program that it needs has ended', async () => {
  const program = await start(folder, { name: 'brief', ...sh('echo gone wrong; exit 1') });
  const refused = async () => {
    throw new Error('connection refused');
  };
  await assert.rejects(
    waitFor(refused, { what: 'an answer', limit: 60_000, programs: [program] }),
    /brief ended while waiting for an answer\.\nLast seen: connection refused\n--- brief .*\ngone wrong/,
  );
});

/** A zombie does not run. */
async function runs(pid: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !stat.includes(') Z ');
}
