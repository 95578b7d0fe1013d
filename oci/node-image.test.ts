import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { readElf } from '#lib/elf.ts';
import { linkedProgram } from '#lib/shared-libraries.ts';
import { diffIdOf } from './image.ts';
import { type NodeRuntime, nodeRuntime } from './node-image.ts';
import { writeTar } from './tar.ts';

const execute = promisify(execFile);
const isRoot = process.getuid?.() === 0;

describe('the layer of Node.js', () => {
  let runtime: NodeRuntime;
  let root: string;

  before(async () => {
    runtime = await nodeRuntime(process.execPath);
    root = await mkdtemp(join(tmpdir(), 'berth-node-'));
    await chmod(root, 0o755);
    const tar = spawn('tar', ['--extract', '--preserve-permissions', '--directory', root]);
    const ended = once(tar, 'close');
    await pipeline(Readable.from(writeTar(runtime.entries)), tar.stdin);
    assert.deepEqual(await ended, [0, null]);
  });
  after(() => rm(root, { recursive: true }));

  test('runs where nothing else is, as a user without rights, and resolves names', {
    skip: isRoot ? false : 'only root may change the root of a process',
  }, async () => {
    const program = `
      const { lookup } = await import('node:dns/promises');
      const { userInfo } = await import('node:os');
      await (await import('node:fs/promises')).writeFile('/tmp/here', '');
      await lookup('no-such-host.invalid').catch(({ code }) => console.log(code));
      console.log(process.version, userInfo().username, fetch.name);`;
    const { stdout } = await execute('chroot', [
      '--userspec=65532:65532',
      root,
      '/usr/bin/node',
      '--input-type=module',
      '--eval',
      program,
    ]);
    assert.match(stdout, new RegExp(`^(EAI_AGAIN|ENOTFOUND)\n${process.version} berth fetch\n$`));
  });

  test('is the same wherever it was taken from', async () => {
    const again = await nodeRuntime(join(root, 'usr/bin/node'), root);
    assert.equal(again.architecture, runtime.architecture);
    assert.equal(await diffIdOf(again.entries), await diffIdOf(runtime.entries));
  });
});

describe('the libraries of a program', () => {
  test('are those that the loader found', async () => {
    const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
    const { files } = await linkedProgram(process.execPath);
    const found = sharedObjects.filter((object) => object.startsWith('/'));
    assert(found.length > 0);
    for (const path of found) {
      assert([...files.values()].includes(path), `${path} is not among ${[...files.values()]}`);
    }
  });

  test('that are missing are named', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'berth-empty-'));
    await assert.rejects(
      linkedProgram(process.execPath, empty),
      /needs the library lib\S+, which is in no folder of the loader/,
    );
    await rm(empty, { recursive: true });
  });

  test('cannot be told of what is no program', async () => {
    await assert.rejects(readElf(import.meta.filename), /is no program or library of 64-bit Linux/);
  });
});
