import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { outputOf, run } from '#test/processes.ts';
import { type Moment, readMoments, skipWithoutStrace, straceCommand } from '#test/trace.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

const program = fileURLToPath(new URL('./testing/commit-blobs.ts', import.meta.url));
const skip = await skipWithoutStrace();
const calls = ['fdatasync', 'fsync', 'rename', 'renameat', 'renameat2', 'write', 'pwrite64'];

/** Runs the program on a store in `folder` under strace; `extra` are more options of strace's. */
async function traced(folder: string, args: readonly string[], extra: readonly string[]) {
  const log = join(folder, 'strace.log');
  const [strace = '', ...options] = straceCommand(log, calls, 200);
  const finished = await run(strace, [
    ...options,
    ...extra,
    process.execPath,
    program,
    folder,
    ...args,
  ]);
  const output = outputOf(finished, 'the program under strace');
  return { output, moments: readMoments(log) };
}

/** The position of the first such moment from `from` on; fails when there is none. */
function positionOf(
  moments: readonly Moment[],
  call: string,
  phase: Moment['phase'],
  text: string,
  from = 0,
): number {
  const position = moments.findIndex(
    (moment, index) =>
      index >= from &&
      moment.call.startsWith(call) &&
      moment.phase === phase &&
      moment.text.includes(text),
  );
  assert.notEqual(position, -1, `no ${phase} of ${call} of ${text}`);
  return position;
}

test('an append writes piece after piece: a crash leaves no hole', { skip }, async (context) => {
  const slow = ['-e', 'inject=pwrite64:delay_enter=10000'];
  const { moments } = await traced(await temporaryFolder(context), ['1', '9000000'], slow);
  const writes = moments.filter(({ call }) => call === 'pwrite64');
  assert.ok(writes.length >= 2 * 9, `${writes.length} moments of writes`);
  writes.forEach(({ phase }, index) => {
    assert.equal(phase, index % 2 === 0 ? 'start' : 'end');
  });
});

describe('a commit', { skip }, () => {
  test('syncs the data, then renames, then syncs both folders, then answers', async (context) => {
    const { output, moments } = await traced(await temporaryFolder(context), ['1', '5'], []);
    const [, key = ''] = /^committed (\S+)\n$/.exec(output) ?? [];
    assertOrder(moments, key);
  });

  test('keeps that order when 40 commits share their folder syncs', async (context) => {
    const { output, moments } = await traced(await temporaryFolder(context), ['40', '5'], []);
    const keys = [...output.matchAll(/^committed (\S+)$/gm)].map(([, key = '']) => key);
    assert.equal(keys.length, 40);
    for (const key of keys) assertOrder(moments, key);
    const shared = moments.filter(
      ({ call, phase, text }) =>
        call === 'fsync' && phase === 'start' && text.includes('/uploads>'),
    );
    assert.ok(shared.length < 40, `${shared.length} syncs of one folder`);
  });

  test('whose data sync fails leaves neither a blob nor an upload to try again', async (context) => {
    const failing = ['-e', 'inject=fdatasync:error=EIO'];
    const { output, moments } = await traced(
      await temporaryFolder(context),
      ['1', '5', '--twice'],
      failing,
    );
    assert.match(output, /^Error \S+\nUploadUnknown \S+\n$/);
    assert.ok(!moments.some(({ call }) => call.startsWith('rename')));
  });

  test('whose data sync finds the disk full says so', async (context) => {
    const failing = ['-e', 'inject=fdatasync:error=ENOSPC'];
    const { output } = await traced(await temporaryFolder(context), ['1', '5'], failing);
    assert.match(output, /^OutOfSpace /);
  });

  test('whose folder sync fails is not acknowledged, however often it is tried', async (context) => {
    const folder = await temporaryFolder(context);
    const failing = ['-P', join(folder, 'uploads'), '-e', 'inject=fsync:error=EIO'];
    const { output } = await traced(folder, ['1', '5', '--twice'], failing);
    assert.match(output, /^Error (\S+)\nError \1\n$/);
  });

  test('that is repeated syncs the folders again: the first may have died before', async (context) => {
    const { output, moments } = await traced(
      await temporaryFolder(context),
      ['1', '5', '--twice'],
      [],
    );
    const [, key = ''] = /^committed (\S+)\ncommitted \1\n$/.exec(output) ?? [];
    const first = positionOf(moments, 'write', 'start', `committed ${key}`);
    const second = positionOf(moments, 'write', 'start', `committed ${key}`, first + 1);
    assert.ok(positionOf(moments, 'fsync', 'end', `/blobs/${key.slice(0, 2)}>`, first) < second);
  });
});

function assertOrder(moments: readonly Moment[], key: string): void {
  const synced = positionOf(moments, 'fdatasync', 'end', `/uploads/${key}>`);
  const renames = positionOf(moments, 'rename', 'start', `/uploads/${key}`);
  const renamed = positionOf(moments, 'rename', 'end', `/uploads/${key}`);
  const answered = positionOf(moments, 'write', 'start', `committed ${key}`);
  assert.ok(synced < renames, 'the rename began before the data was synced');
  for (const folder of [`/blobs/${key.slice(0, 2)}>`, '/uploads>']) {
    const begun = positionOf(moments, 'fsync', 'start', folder, renamed + 1);
    const ended = positionOf(moments, 'fsync', 'end', folder, begun + 1);
    assert.ok(ended < answered, `answered before ${folder} was synced`);
  }
}
