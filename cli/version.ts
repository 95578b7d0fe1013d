import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { addCommand, answers } from './command.ts';

export function addVersionCommand(program: Command) {
  const command = addCommand(program, 'version', {
    summary: 'Show the version of this program',
    examples: ['berth version'],
  });
  answers(command, async () => {
    const version = readVersion();
    return { json: { version, node: process.versions.node }, text: `berth ${version}` };
  });
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
