import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { systemErrorCode } from '#lib/errors.ts';

/**
 * Processes of this machine that know each other by their numbers; undefined where that cannot be
 * told. It is another one after the machine, or the container, was started anew.
 */
const neighbourhood = neighbourhoodHere();
/** `pid@neighbourhood/` before what is drawn for a connection. */
const named = /^(\d{1,10})@([0-9a-f]{16})\//;

/** Names a connection that this process is to hold. */
export function drawConnection(): string {
  const holder = neighbourhood === undefined ? '' : `${process.pid}@${neighbourhood}/`;
  return `${holder}${randomUUID()}`;
}

/** `unknown` where the holder is not of this machine, or is not named. */
export function holderOfConnection(connection: string): 'lives' | 'gone' | 'unknown' {
  const [, pid, where] = named.exec(connection) ?? [];
  if (pid === undefined || where !== neighbourhood) return 'unknown';
  return lives(Number(pid)) ? 'lives' : 'gone';
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) !== 'ESRCH';
  }
}

function neighbourhoodHere(): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    const processes = readlinkSync('/proc/self/ns/pid');
    return createHash('sha256').update(`${boot}${processes}`).digest('hex').slice(0, 16);
  } catch {
    return undefined;
  }
}
