import { type Logger, pino } from 'pino';

export type Log = Logger;

/**
 * The server's log: JSON lines on standard output, for machines to read. On a terminal a line
 * for people instead, of the same entries.
 */
export function createLog(level: string): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return process.stdout.isTTY ? pino(options, { write: writeForPeople }) : pino(options);
}

function writeForPeople(line: string): void {
  const { time, level, msg, ...rest } = JSON.parse(line);
  const details = Object.entries(rest)
    .filter(([name]) => name !== 'err' || level === 'error')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  const text = `${time.slice(11, 19)} ${level.padEnd(5)} ${msg} ${details}`.trimEnd();
  // What clients send must not reach the terminal as commands.
  process.stdout.write(`${text.replace(/\p{Cc}/gu, '\ufffd')}\n`);
}
