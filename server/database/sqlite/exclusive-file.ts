import { closeSync, openSync } from 'node:fs';
import { openConnection } from './connection.ts';

const busy = 5;

/**
 * Takes the lock that the file at `path` stands for, which is made when it is absent; undefined
 * when another process has it. It ends with this process at the latest.
 * @returns how to give it back
 */
export function takeExclusively(path: string): (() => void) | undefined {
  closeSync(openSync(path, 'a', 0o600));
  const connection = openConnection(path, ['busy_timeout = 0']);
  try {
    connection.run('begin exclusive');
    return () => connection.close();
  } catch (error) {
    connection.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === busy) return undefined;
    throw error;
  }
}
