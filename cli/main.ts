import { CommanderError } from 'commander';
import { systemErrorCode } from '#lib/errors.ts';
import { readEnvironment } from './environment.ts';
import { AnsweredFailure, UsageFailure } from './failure.ts';
import { createProgram } from './program.ts';
import type { ServerPrograms } from './server-programs.ts';

const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

/**
 * Runs one command line and resolves to its exit code: 0 done, 1 refused or failed, 2 wrong usage.
 * @param programs what the commands for the server's own machine run
 */
export async function runCommandLine(
  given: readonly string[],
  programs: ServerPrograms,
): Promise<number> {
  process.stdout.on('error', (error) => {
    // Whoever reads the answer may stop early, as head does.
    if (systemErrorCode(error) !== 'EPIPE') throw error;
  });
  const program = createProgram(readEnvironment(), programs);
  try {
    await program.parseAsync(given.length === 0 ? ['--help'] : given, { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said what was wrong, or shown the help that was asked for.
      return error.exitCode === 0 || error.code === 'commander.help'
        ? exitCodes.done
        : exitCodes.usage;
    }
    if (error instanceof AnsweredFailure) return exitCodes.failed;
    process.stderr.write(`berth: ${sentenceOf(error)}\n`);
    return error instanceof UsageFailure ? exitCodes.usage : exitCodes.failed;
  }
}

function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/(?!\n)\p{Cc}/gu, ' ').trim();
}
