import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { CommandFailure, UsageFailure } from './failure.ts';

const maximumInputLength = 4096;

/** What the keys Ctrl-C, Ctrl-D and Backspace send to a terminal in raw mode. */
const endOfText = '\u0003';
const endOfTransmission = '\u0004';
const erase = '\u007f';
const backspace = '\b';

export function hasTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** @throws {CommandFailure} on Ctrl-C and Ctrl-D */
export async function ask(question: string): Promise<string> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const stopped = new AbortController();
  prompt.on('SIGINT', () => stopped.abort());
  prompt.on('close', () => stopped.abort());
  try {
    return (await prompt.question(question, { signal: stopped.signal })).trim();
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
    process.stderr.write('\n');
    throw stoppedByTyping();
  } finally {
    prompt.close();
  }
}

function stoppedByTyping(): CommandFailure {
  return new CommandFailure('Stopped: nothing was changed.');
}

export async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(`${question} [y/N] `));
}

/** Asks without showing what is typed. */
export function askSecret(question: string): Promise<string> {
  const input = process.stdin;
  // Before the question, so that nothing typed in answer is ever shown.
  input.setRawMode(true);
  input.setEncoding('utf8');
  process.stderr.write(question);
  return new Promise<string>((resolve, reject) => {
    let typed = '';
    const finish = (settle: () => void) => {
      input.off('data', read);
      input.setRawMode(false);
      input.pause();
      process.stderr.write('\n');
      settle();
    };
    const read = (chunk: string) => {
      for (const character of chunk) {
        switch (character) {
          case '\r':
          case '\n':
          case endOfTransmission:
            finish(() => resolve(typed));
            return;
          case endOfText:
            finish(() => reject(stoppedByTyping()));
            return;
          case erase:
          case backspace:
            typed = typed.slice(0, -1);
            break;
          default:
            typed += character;
        }
      }
    };
    input.on('data', read);
    input.resume();
  });
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
