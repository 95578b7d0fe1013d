import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '#test/suite.ts';

export interface Answer {
  /** The question that the answer is typed to, once it is on the screen. */
  readonly to: string;
  /** Keys; `\r` is Enter. */
  readonly type: string;
}

export interface TypedResult {
  readonly code: number | null;
  /** All that the terminal showed. */
  readonly screen: string;
}

/** Runs the command line in a terminal of its own (script of util-linux), and types answers. */
export function berthInTerminal(
  home: string,
  given: readonly string[],
  answers: readonly Answer[],
): Promise<TypedResult> {
  const program = join(repositoryRoot, 'bin', 'berth.ts');
  const command = [process.execPath, program, ...given].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: home,
    env: { HOME: home, PATH: '/usr/local/bin:/usr/bin:/bin', TERM: 'dumb' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = [...answers];
  let screen = '';
  let answered = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    const [next] = waiting;
    if (next !== undefined && screen.includes(next.to, answered)) {
      answered = screen.length;
      waiting.shift();
      child.stdin.write(next.type);
    }
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, screen: screen.replaceAll('\r', '') });
    });
  });
}
