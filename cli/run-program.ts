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
  /** In bytes; 64 MiB by default. */
  readonly mostOutput?: number;
  /** What to do where there is no such program. */
  readonly cure?: string;
}

const mebibyte = 1024 * 1024;

/**
 * Runs a program of this machine to its end.
 * @throws {CommandFailure} when it cannot be started, or says more than it may
 */
export function runProgram(
  program: string,
  given: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const { input = '', searchAlso, searchPath = '', cure = 'install it' } = options;
  const { mostOutput = 64 * mebibyte } = options;
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
      if (size <= mostOutput) chunks.push(chunk);
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
      if (size > mostOutput) {
        const most = mostOutput / mebibyte;
        reject(new CommandFailure(`${program} answered with more than ${most} MiB.`));
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
