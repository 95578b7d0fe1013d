import { readFileSync } from 'node:fs';
import { run } from './processes.ts';

/** The start or the end of a system call, in the order in which the kernel saw them. */
export interface Moment {
  readonly thread: string;
  readonly call: string;
  readonly phase: 'start' | 'end';
  /** What stands after the opening parenthesis; at the end of a call its result too. */
  readonly text: string;
}

/** For `{ skip }`: why nothing can be traced here, or false. @throws in CI */
export async function skipWithoutStrace(): Promise<string | false> {
  const tried = await run('strace', ['-f', '-o', '/dev/null', 'true']).catch(() => undefined);
  if (tried?.code === 0) return false;
  const reason = 'strace is not installed, or may not trace here';
  if (process.env.CI) throw new Error(reason);
  return reason;
}

/**
 * A command that runs another under strace.
 * @param strings how many bytes of each string are kept
 */
export function straceCommand(
  log: string,
  calls: readonly string[],
  strings: number,
): readonly string[] {
  const options = ['-f', '-y', '-s', String(strings), '-o', log, '-e', `trace=${calls.join()}`];
  return ['strace', ...options];
}

export function readMoments(log: string): Moment[] {
  const unfinished = new Map<string, string>();
  return readFileSync(log, 'latin1')
    .split('\n')
    .flatMap((line): Moment[] => {
      const resumed = /^(\d+)\s+<\.\.\. (\w+) resumed>(.*)$/.exec(line);
      if (resumed) {
        const [, thread = '', call = '', rest = ''] = resumed;
        return [{ thread, call, phase: 'end', text: `${unfinished.get(thread) ?? ''}${rest}` }];
      }
      const begun = /^(\d+)\s+(\w+)\((.*)$/.exec(line);
      if (!begun) return [];
      const [, thread = '', call = '', text = ''] = begun;
      const mark = text.indexOf(' <unfinished ...>');
      if (mark < 0) {
        const start: Moment = { thread, call, phase: 'start', text };
        return [start, { ...start, phase: 'end' }];
      }
      unfinished.set(thread, text.slice(0, mark));
      return [{ thread, call, phase: 'start', text: text.slice(0, mark) }];
    });
}

/** Whether a call, at its end, did what it was asked for. */
export function succeeded({ text }: Moment): boolean {
  return !/ = -1 [A-Z]+ \(/.test(text);
}

/** The file that the call's first argument has open. */
export function openFileOf({ text }: Moment): string | undefined {
  return /^\d+<([^>]*)>/.exec(text)?.[1];
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  v: '\v',
  f: '\f',
  a: '\x07',
  b: '\b',
  e: '\x1b',
};

/** The strings among a call's arguments, as the bytes that they were. */
export function stringsOf({ text }: Moment): Buffer[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, quoted = '']) =>
    Buffer.from(
      quoted.replace(/\\([0-7]{1,3}|.)/gs, (_, escaped: string) =>
        /^[0-7]/.test(escaped)
          ? String.fromCharCode(Number.parseInt(escaped, 8))
          : (escapes[escaped] ?? escaped),
      ),
      'latin1',
    ),
  );
}
