import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { lastLines, waitFor } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';

/** A server in processes of its own, which ends with this process at the latest. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly origin: string;
  /** All that it has written. */
  written(): string;
  stop(): Promise<void>;
}

export interface ProgramDescription {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly origin: string;
  /** Where its output goes. */
  readonly log: string;
}

export function startProgram(description: ProgramDescription): Program {
  const { command, args, environment = {}, origin, log } = description;
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, 'w');
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, {
    cwd: repositoryRoot,
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', output, output],
  });
  if (child.pid === undefined) throw new Error(`${command} could not be started`);
  const ended = once(child, 'exit');
  const endWithRun = () => child.kill('SIGKILL');
  process.once('exit', endWithRun);

  async function stop(): Promise<void> {
    process.removeListener('exit', endWithRun);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  }

  return {
    pid: child.pid,
    origin,
    written: () => readFileSync(log, 'utf8'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Resolves once `path` is answered, whatever the status. */
export async function answers(program: Program, path: string): Promise<void> {
  await waitFor(() => fetch(program.origin + path), {
    what: `${program.origin}${path} to be answered`,
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${lastLines(program.written())}`);
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port is free');
  return address.port;
}
