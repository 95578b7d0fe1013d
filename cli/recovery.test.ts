import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startServer } from '#test/server.ts';
import { bytesText, progressLine, showProgress } from './progress.ts';
import { type CommandLine, openCommandLine } from './testing/command-line.ts';

describe('backup, restore and verify', () => {
  let line: CommandLine;
  let data = '';
  before(async () => {
    line = await openCommandLine();
    data = mkdtempSync(join(tmpdir(), 'berth-recovery-'));
    await (await startServer({ data })).stop();
  });
  after(async () => {
    await line[Symbol.asyncDispose]();
    rmSync(data, { recursive: true });
  });

  test('answer people in sentences, and scripts in JSON alone on standard output', async () => {
    const backups = join(line.home, 'backups');
    const told = await line.berth(['backup', backups, '--data', data]);
    assert.equal(told.code, 0, told.stderr);
    assert.equal(told.stderr, '');
    assert.match(told.stdout, /^Backup \S+ in \S+: 0 manifests and 0 blobs of 0 B\.$/m);
    assert.match(told.stdout, /^It holds secret\.key, which opens the secrets in it: keep/m);
    const second = await line.berth(['backup', backups, '--keep', '1', '--json'], {
      env: { BERTH_DATA: data },
    });
    assert.equal(second.code, 0, second.stderr);
    assert.equal(second.json().removed.length, 1);
    assert.equal(second.json().secretKey, 'in-the-backup');

    const restored = join(line.home, 'restored');
    const brought = await line.berth(['restore', backups, '--data', restored, '--json']);
    assert.equal(brought.code, 0, brought.stderr);
    assert.equal(brought.json().generation, second.json().generation);
    const verified = await line.berth(['verify', '--data', restored, '--json']);
    assert.equal(verified.code, 0, verified.stderr);
    assert.equal(verified.json().clean, true);
    const text = await line.berth(['verify', '--data', restored]);
    assert.match(text.stdout, /^Checked 0 blobs of 0 B and 0 manifests in .*\nEverything is in or/);
  });

  test('end with 1 and one sentence, or with 2 where they were not understood', async () => {
    const refused = await line.berth(['restore', join(line.home, 'none'), '--data', data]);
    assert.equal(refused.code, 1);
    assert.equal(refused.stdout, '');
    assert.match(refused.stderr, /^berth: The folder \S+ holds no backups of Berth: [^\n]+\.\n$/);
    for (const wrong of [
      ['backup'],
      ['backup', 'x', '--keep', '0'],
      ['restore'],
      ['verify', 'x'],
    ]) {
      const { code, stderr } = await line.berth(wrong);
      assert.equal(code, 2, wrong.join(' '));
      assert.match(stderr, /^berth: /);
    }
  });

  test('say what the key of the environment means for a backup', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-recovery-'));
    const key = Buffer.alloc(32, 9).toString('base64');
    await (await startServer({ data: folder, secretKey: key })).stop();
    const backups = join(line.home, 'by-environment');
    const { stdout } = await line.berth(['backup', backups, '--data', folder], {
      env: { BERTH_SECRET_KEY: key },
    });
    assert.match(stdout, /^It does not hold BERTH_SECRET_KEY, without which/m);
    const target = join(line.home, 'by-environment-restored');
    const without = await line.berth(['restore', backups, '--data', target]);
    assert.match(
      without.stderr,
      /does not hold the secret key of its server: set BERTH_SECRET_KEY/,
    );
    const wrong = await line.berth(['restore', backups, '--data', target], {
      env: { BERTH_SECRET_KEY: Buffer.alloc(32, 8).toString('base64') },
    });
    assert.match(wrong.stderr, /BERTH_SECRET_KEY does not open the secrets of this backup: set it/);
    const right = await line.berth(['restore', backups, '--data', target], {
      env: { BERTH_SECRET_KEY: key },
    });
    assert.equal(right.code, 0, right.stderr);
    rmSync(folder, { recursive: true });
  });
});

describe('progress', () => {
  test('tells counts, bytes and rate in a line', () => {
    assert.equal(
      progressLine({ step: 'copying blobs', done: 1500, total: 6000, bytes: 25_000_000 }, 10),
      'copying blobs: 1,500 of 6,000 (25 %), 25.0 MB, 2.5 MB/s',
    );
    assert.equal(
      progressLine({ step: 'copying rows', done: 7, total: undefined, bytes: 0 }, 0),
      'copying rows: 7',
    );
    const uncounted = { done: 0, total: undefined };
    assert.equal(
      progressLine({ step: 'fetching', ...uncounted, bytes: 2_000_000 }, 1),
      'fetching: 2.0 MB, 2.0 MB/s',
    );
    assert.equal(progressLine({ step: 'cleaning up', ...uncounted, bytes: 0 }, 1), 'cleaning up');
    assert.deepEqual([0, 999, 1000, 999_949, 999_951, 1.5e9, 2e12].map(bytesText), [
      '0 B',
      '999 B',
      '1.0 kB',
      '999.9 kB',
      '1.0 MB',
      '1.5 GB',
      '2.0 TB',
    ]);
  });

  test('is one line of a terminal, which is gone at the end', () => {
    let written = '';
    const stream = {
      isTTY: true,
      columns: 20,
      write: (text: string) => {
        written += text;
        return true;
      },
    } as unknown as NodeJS.WriteStream;
    const display = showProgress(stream);
    const step = 'a step with a long name';
    display.report({ step, done: 1, total: 2, bytes: 0 });
    display.report({ step, done: 2, total: 2, bytes: 0 });
    display.end();
    assert.equal(written, '\r\u001b[Ka step with a long \r\u001b[K');
  });

  test('says nothing in a log about what is done soon', () => {
    let written = '';
    const stream = {
      isTTY: false,
      write: (text: string) => {
        written += text;
        return true;
      },
    } as unknown as NodeJS.WriteStream;
    const display = showProgress(stream);
    display.report({ step: 'one', done: 1, total: 1, bytes: 0 });
    display.report({ step: 'two', done: 1, total: 1, bytes: 0 });
    display.end();
    assert.equal(written, '');
  });
});
