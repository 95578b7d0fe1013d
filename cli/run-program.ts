import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { systemErrorCode } from '#lib/errors.ts';
import { CommandFailure, reasonOf } from './failure.ts';

export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly input?: string;
  /** Folders to look into besides the search path. */
  readonly searchAlso?: readonly string[];
  readonly searchPath?: string;
  /** What to do where there is no such program. */
  readonly cure?: string;
}

const maximumOutput = 64 * 1024 * 1024;

/**
 * Runs a program of this machine to its end.
 * @throws {CommandFailure} when it cannot be started, or says more than 64 MiB
 */
export function runProgram(
  program: string,
  given: readonly string[],
  { input = '', searchAlso, searchPath = '', cure = 'install it' }: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, given, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(searchAlso !== undefined && {
        env: { PATH: [searchPath, ...searchAlso].filter(Boolean).join(delimiter) },
      }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let size = 0;
    const keep = (chunks: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maximumOutput) chunks.push(chunk);
      else child.kill();
    };
    child.stdout.on('data', keep(stdout));
    child.stderr.on('data', keep(stderr));
    child.on('error', (error) =>
      reject(
        new CommandFailure(
          systemErrorCode(error) === 'ENOENT'
            ? `${program} was not found in PATH: ${cure}.`
            : `${program} could not be started: ${reasonOf(error)}.`,
        ),
      ),
    );
    child.on('close', (code) => {
      if (size > maximumOutput) {
        reject(new CommandFailure(`${program} answered with more than 64 MiB.`));
        return;
      }
      resolve({
        code,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      });
    });
    // A program may end without reading what it was offered.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
