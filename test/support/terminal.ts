import { join } from 'node:path';
import type { Host } from './hosts.ts';
import { type Finished, lastLines } from './processes.ts';

/** A person at a host. What a command changes in the shell, the next one finds changed. */
export interface Terminal {
  readonly host: Host;
  /** Types a command that must succeed; returns what the terminal shows. */
  type(command: string, options?: TypeOptions): Promise<string>;
  /** Types a command that must fail; returns what the terminal shows. */
  fails(command: string, options?: TypeOptions): Promise<string>;
}

export interface TypeOptions {
  /** Given at the prompts, a line each. */
  readonly answers?: readonly string[];
  /** Handed to the command as its standard input, as by a pipe. */
  readonly input?: string;
  /** Milliseconds. */
  readonly limit?: number;
}

let terminals = 0;

/** @param folder where the person stands at first: the home folder, or another */
export function openTerminal(host: Host, folder: string = host.home): Terminal {
  terminals += 1;
  const state = join(host.home, `.terminal-${terminals}`);

  async function run(command: string, options: TypeOptions): Promise<Finished> {
    const { answers, input, limit = 120_000 } = options;
    const script = [
      'exec 2>&1',
      `if [ -e '${state}' ]; then . '${state}'; else cd '${folder}'; fi`,
      command,
      'status=$?',
      `{ export -p; printf 'cd %q\\n' "$PWD"; } >'${state}'`,
      'exit $status',
    ].join('\n');
    const finished =
      answers === undefined
        ? await host.run('bash', ['-c', script], { limit, ...(input !== undefined && { input }) })
        : await host.run(
            'script',
            ['--quiet', '--return', '--command', shell(script), '/dev/null'],
            {
              limit,
              input: answers.map((answer) => `${answer}\n`).join(''),
            },
          );
    return { ...finished, stdout: finished.stdout.replaceAll('\r\n', '\n') };
  }

  return {
    host,
    type: async (command, options = {}) => {
      const { code, stdout } = await run(command, options);
      if (code === 0) return stdout;
      throw new Error(`${host.name}$ ${command}\nended with ${code}.\n${lastLines(stdout)}`);
    },
    fails: async (command, options = {}) => {
      const { code, stdout } = await run(command, options);
      if (code !== 0) return stdout;
      throw new Error(`${host.name}$ ${command}\nshould have failed.\n${lastLines(stdout)}`);
    },
  };
}

/** `script` hands its command to the shell of the system. */
function shell(script: string): string {
  return `exec bash -c ${quoted(script)}`;
}

/** One word of a command line, whatever it holds. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
