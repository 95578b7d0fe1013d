import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commandsOf } from './commands.ts';

const document = {
  name: 'The README',
  programs: ['npm', 'docker', 'helm', 'echo'],
  placeholders: ['PASSWORD'],
};

describe('the reader of commands', () => {
  const block = (...lines: string[]) => `Text\n\n\`\`\`sh\n${lines.join('\n')}\n\`\`\`\n`;

  test('finds every command, over as many lines as it goes', () => {
    const commands = ["echo 'FROM scratch\nCOPY a /' | docker build -", 'helm list \\\n  --all'];
    assert.deepEqual(commandsOf(block(...commands) + block('npm start'), document), [
      ...commands,
      'npm start',
    ]);
  });

  test('stops at what it cannot run as a reader would', () => {
    assert.throws(() => commandsOf(block('make install'), document), /runs make/);
    assert.throws(() => commandsOf(block('echo a | jq .'), document), /runs jq/);
    assert.throws(() => commandsOf(block('docker push HOST/a'), document), /what HOST stands for/);
    assert.throws(() => commandsOf('```bash\nnpm start\n```\n', document), /mark commands sh/);
  });
});
