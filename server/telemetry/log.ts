import { type Logger, pino } from 'pino';
import { type LogOutput, outputTo } from './log-output.ts';

/** `writeLater` is for lines of one's own making, of requests, which are many. */
export type Log = Logger & Pick<LogOutput, 'writeLater'>;

let standardOutput: LogOutput | undefined;

/**
 * The server's log: JSON lines on standard output, for machines to read. On a terminal a line
 * for people instead, of the same entries.
 */
export function createLog(level: string, output = openStandardOutput()): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${timestamp()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return Object.assign(pino(options, { write: output.write }), { writeLater: output.writeLater });
}

function openStandardOutput(): LogOutput {
  standardOutput ??= process.stdout.isTTY
    ? { write: writeForPeople, writeLater: writeForPeople }
    : outputTo(1);
  return standardOutput;
}

let second = Number.NaN;
let untilSecond = '';

/** The time as ISO 8601 writes it, in UTC with milliseconds. */
export function timestamp(): string {
  const now = Date.now();
  const milliseconds = now % 1000;
  if (now - milliseconds !== second) {
    second = now - milliseconds;
    untilSecond = new Date(second).toISOString().slice(0, -4);
  }
  return `${untilSecond}${String(milliseconds).padStart(3, '0')}Z`;
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
