import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { CommandFailure, UsageFailure } from './failure.ts';

const maximumInputLength = 4096;

export function hasTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

export async function ask(question: string): Promise<string> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await prompt.question(question)).trim();
  } finally {
    prompt.close();
  }
}

export async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(`${question} [y/N] `));
}

/** Asks without showing what is typed. */
export async function askSecret(question: string): Promise<string> {
  process.stderr.write(question);
  const input = process.stdin;
  input.setRawMode(true);
  input.setEncoding('utf8');
  let typed = '';
  try {
    for await (const chunk of input as AsyncIterable<string>) {
      for (const character of chunk) {
        if (character === '\r' || character === '\n' || character === '\u0004') return typed;
        if (character === '\u0003') throw new CommandFailure('Stopped: nothing was changed.');
        typed = character === '\u007f' ? typed.slice(0, -1) : typed + character;
      }
    }
    return typed;
  } finally {
    input.setRawMode(false);
    input.pause();
    process.stderr.write('\n');
  }
}

/** The lines of standard input, for secrets that scripts hand over. */
export async function readSecretLines(): Promise<string[]> {
  const given = await text(process.stdin);
  if (given.length > maximumInputLength) {
    throw new UsageFailure(
      `Standard input holds more than ${maximumInputLength} characters: give the password alone.`,
    );
  }
  return given.replace(/\r?\n$/, '').split(/\r?\n/);
}

/** A password from standard input, or typed. */
export async function readPassword(fromStdin: boolean, question: string): Promise<string> {
  if (fromStdin) {
    const [password = ''] = await readSecretLines();
    if (password === '') {
      throw new UsageFailure(
        '--password-stdin was given, but standard input is empty: pipe the password into this command.',
      );
    }
    return password;
  }
  if (!hasTerminal()) {
    throw new UsageFailure(
      'There is no terminal to ask for the password on: give it with --password-stdin.',
    );
  }
  return askSecret(question);
}
