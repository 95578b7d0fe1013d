import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { occupyMachine } from './lock.ts';
import { start, waitFor } from './processes.ts';

test('one suite waits for the other, says so, and gets its turn when that one is killed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-machine-'));
  t.after(() => rm(folder, { recursive: true }));
  const lock = join(import.meta.dirname, 'lock.ts');
  const program = (suite: string) => ({
    name: suite,
    command: process.execPath,
    args: [
      '--input-type=module',
      '--eval',
      `import { occupyMachine } from ${JSON.stringify(lock)};
       const machine = await occupyMachine('${suite}', ${JSON.stringify(folder)});
       console.log('taken');
       setInterval(() => machine, 1000);`,
    ],
  });
  const says = (log: string, words: RegExp) =>
    waitFor(() => readFile(log, 'utf8'), {
      what: `${log} to say ${words}`,
      until: (text) => words.test(text),
      limit: 20_000,
    });

  const first = await start(folder, program('first'));
  await says(first.log, /taken/);
  const second = await start(folder, program('second'));
  const waiting = `second: waiting, the machine is taken by first (process ${first.pid})\n`;
  await says(second.log, /waiting/);
  assert.equal(await readFile(second.log, 'utf8'), waiting);
  first.signal('SIGKILL');
  await says(second.log, /taken/);
  await second.stop();

  await using _machine = await occupyMachine('third', folder);
});
