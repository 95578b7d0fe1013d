import { fstatSync } from 'node:fs';
import { pino } from 'pino';

/** Where whole lines of the log go, newlines included. */
export interface LogOutput {
  /** Goes out at once, behind what waits. */
  write(line: string): void;
  /** May wait for others, for a second at most. */
  writeLater(line: string): void;
}

/**
 * Characters. A pipe takes 4096 bytes whole (PIPE_BUF), so that lines of processes that share one do
 * not mix; a file takes any number.
 */
const largestChunks = { pipe: 4 * 1024, file: 64 * 1024 };
const longestWait = 1000;

/** Writes to an open file. What waits goes out before the process ends. */
export function outputTo(file: number): LogOutput {
  const largestChunk = largestChunks[fstatSync(file).isFile() ? 'file' : 'pipe'];
  const destination = pino.destination({ dest: file, sync: true, maxWrite: largestChunk });
  // A full disk, a reader that has gone: the server goes on without its log.
  destination.on('error', () => {});
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;

  function release(): void {
    clearTimeout(timer);
    timer = undefined;
    if (waiting === '') return;
    destination.write(waiting);
    waiting = '';
  }

  process.on('exit', release);

  return {
    write(line) {
      waiting += line;
      release();
    },
    writeLater(line) {
      if (waiting.length + line.length > largestChunk) release();
      waiting += line;
      timer ??= setTimeout(release, longestWait).unref();
    },
  };
}
