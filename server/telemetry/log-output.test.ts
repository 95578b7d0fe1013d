import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';

const output = JSON.stringify(new URL('./log-output.ts', import.meta.url).href);

/** A process of its own, because what it wrote is read from its standard output. */
function run(body: string) {
  const script = `import { outputTo } from ${output}; const output = outputTo(1); ${body}`;
  return spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

describe('lines of the log', () => {
  test('that may wait are out after a while, in their order', async () => {
    const child = run(`
      output.writeLater('one\\n'); output.writeLater('two\\n');
      process.stdin.resume();`);
    let seen = '';
    for await (const chunk of child.stdout) {
      seen += chunk;
      if (seen.endsWith('two\n')) break;
    }
    assert.equal(seen, 'one\ntwo\n');
    child.kill();
  });

  test('that may not wait go out at once, behind those that do', async () => {
    const child = run(`
      setTimeout = () => ({ unref() {} });
      output.writeLater('one\\n'); output.write('two\\n');
      process.stdin.resume();`);
    let seen = '';
    for await (const chunk of child.stdout) {
      seen += chunk;
      if (seen.endsWith('two\n')) break;
    }
    assert.equal(seen, 'one\ntwo\n');
    child.kill();
  });

  for (const [how, end] of [
    ['returns', ''],
    ['exits', 'process.exit(0);'],
    ['throws', "process.on('uncaughtException', () => process.exit(0)); throw new Error('x');"],
  ] as const) {
    test(`are all out when the process ${how}`, async () => {
      const child = run(`
        for (let line = 0; line < 10_000; line++) output.writeLater(\`line \${line}\\n\`);
        ${end}`);
      const [written] = await Promise.all([text(child.stdout), once(child, 'close')]);
      const expected = Array.from({ length: 10_000 }, (_, line) => `line ${line}\n`).join('');
      assert.equal(written, expected);
    });
  }
});
