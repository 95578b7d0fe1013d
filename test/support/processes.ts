import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface Finished {
  /** Null when a signal ended the program. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment; this process's own by default. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Milliseconds until the program and its children are killed. */
  readonly limit?: number;
}

/** Runs a program to its end, whatever that is; rejects when it cannot start or exceeds the limit. */
export async function run(
  command: string,
  args: readonly string[],
  { limit = 120_000, cwd, env, input = '' }: RunOptions = {},
): Promise<Finished> {
  const child = spawn(command, args, {
    cwd,
    env: env ?? process.env,
    // A group of its own, so that the limit ends its children too.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let exceeded = false;
  const timer = setTimeout(() => {
    exceeded = true;
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
  }, limit);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // A program may end without reading what it was offered.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  try {
    const [code, stdout, stderr] = await Promise.all([
      ended,
      text(child.stdout),
      text(child.stderr),
    ]);
    if (exceeded) {
      throw new Error(
        `${commandLine(command, args)} did not end within ${limit} ms.\n${lastLines(stdout + stderr)}`,
      );
    }
    return { code, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a program that must succeed; returns its standard output. */
export async function succeed(
  command: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<string> {
  return outputOf(await run(command, args, options), commandLine(command, args));
}

/** The standard output of a program that must have succeeded. */
export function outputOf({ code, stdout, stderr }: Finished, what: string): string {
  if (code === 0) return stdout;
  throw new Error(`${what} ended with ${code}.\n${lastLines(stderr.trim() || stdout)}`);
}

export function commandLine(command: string, args: readonly string[]): string {
  return [command, ...args].join(' ');
}

export interface Program {
  /** Unique in its folder: names the log and the record. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The whole environment; this process's own by default. */
  readonly env?: Readonly<Record<string, string>>;
  /** True when the command only waits for its one child, the program proper: signals go to that. */
  readonly waitsForChild?: boolean;
}

/** A long-running program, its log and its end. */
export interface Started {
  readonly name: string;
  readonly pid: number;
  readonly log: string;
  running(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** TERM, then KILL after the limit; resolves when the program and its children are gone. */
  stop(limit?: number): Promise<void>;
}

/** Starts a program with its output in `folder/NAME.log` and its pid in `folder/NAME.pid`. */
export async function start(folder: string, program: Program): Promise<Started> {
  const { name, command, args, waitsForChild = false } = program;
  await mkdir(folder, { recursive: true });
  const log = join(folder, `${name}.log`);
  await using output = await open(log, 'a');
  const child = spawn(command, args, {
    cwd: program.cwd,
    env: program.env ?? process.env,
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', resolve);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${commandLine(command, args)} has no pid.`);
  child.unref();
  const record = join(folder, `${name}.pid`);
  await recordProcess(record, pid);
  const signal = (name: NodeJS.Signals) => {
    const proper = waitsForChild ? childOf(pid) : undefined;
    if (proper === undefined) signalGroup(pid, name);
    else process.kill(proper, name);
  };
  return {
    name,
    pid,
    log,
    running: () => child.exitCode === null && child.signalCode === null,
    signal,
    stop: async (limit = 20_000) => {
      signal('SIGTERM');
      await groupEnds(pid, limit);
      await killGroup(pid, name);
      await rm(record, { force: true });
    },
  };
}

/** Stops what an earlier process recorded in the folder and did not stop. */
export async function stopRecorded(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(
    names
      .filter((name) => name.endsWith('.pid'))
      .map(async (name) => {
        const record = join(folder, name);
        const pid = await recordedProcess(record);
        if (pid !== undefined) await killGroup(pid, name);
        await rm(record, { force: true });
      }),
  );
}

/** Writes down a process so that a later one can tell it from another that got the same pid. */
export async function recordProcess(file: string, pid: number): Promise<void> {
  await writeFile(file, `${pid} ${(await startTime(pid)) ?? 'gone'}\n`);
}

/** The recorded process, if it still runs. */
export async function recordedProcess(file: string): Promise<number | undefined> {
  const record = await readFile(file, 'utf8').catch(() => '');
  const [pid = '', started] = record.trim().split(' ');
  const now = await startTime(Number(pid));
  return now !== undefined && now === started ? Number(pid) : undefined;
}

/** When the kernel started the process, in its own count since this boot. */
async function startTime(pid: number): Promise<string | undefined> {
  const [stat, boot] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
  ]);
  // The program's name stands in parentheses and may hold spaces: proc_pid_stat(5).
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields?.[19] === undefined ? undefined : `${fields[19]}@${boot.trim()}`;
}

async function groupEnds(pid: number, limit: number): Promise<void> {
  const deadline = performance.now() + limit;
  while (groupRuns(pid) && performance.now() < deadline) await pause(20);
}

async function killGroup(pid: number, name: string): Promise<void> {
  signalGroup(pid, 'SIGKILL');
  await waitFor(async () => !groupRuns(pid), { what: `${name} (process ${pid}) to be gone` });
}

/** A process's first child, if it has one now. */
export function childOf(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return children === '' ? undefined : Number.parseInt(children, 10);
  } catch {
    return undefined;
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!isNoSuchProcess(error)) throw error;
  }
}

function groupRuns(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch (error) {
    if (!isNoSuchProcess(error)) throw error;
    return false;
  }
}

function isNoSuchProcess(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ESRCH';
}

export interface WaitOptions<Value> {
  /** What is waited for: "the node to be Ready". */
  readonly what: string;
  /** Milliseconds. */
  readonly limit?: number;
  /** True for an observation that ends the wait; any truthy one by default. */
  readonly until?: (value: Value) => boolean;
  /** Programs that must go on running meanwhile; their logs' ends are shown on failure. */
  readonly programs?: readonly Started[];
}

/** Observes until the observation satisfies; an observation that throws counts as not yet. */
export async function waitFor<Value>(
  observe: () => Promise<Value>,
  { what, limit = 60_000, until = Boolean, programs = [] }: WaitOptions<Value>,
): Promise<Value> {
  const deadline = performance.now() + limit;
  for (;;) {
    let seen: unknown;
    try {
      const value = await observe();
      if (until(value)) return value;
      seen = value;
    } catch (error) {
      seen = error;
    }
    const dead = programs.find((program) => !program.running());
    if (dead !== undefined || performance.now() > deadline) {
      const reason = dead === undefined ? `${limit} ms went by` : `${dead.name} ended`;
      throw new Error(
        `${reason} while waiting for ${what}.\nLast seen: ${describe(seen)}${await logTails(programs)}`,
      );
    }
    await pause(50);
  }
}

async function logTails(programs: readonly Started[]): Promise<string> {
  const tails = await Promise.all(
    programs.map(async ({ name, log }) => {
      const lines = lastLines(await readFile(log, 'utf8').catch(() => ''));
      return `\n--- ${name} (${log})\n${lines}`;
    }),
  );
  return tails.join('');
}

function describe(seen: unknown): string {
  if (seen instanceof Error) return seen.message;
  return typeof seen === 'string' ? lastLines(seen) : inspect(seen, { depth: 4 });
}

/** The end of what a program said. */
export function lastLines(output: string, count = 25): string {
  return output.trimEnd().split('\n').slice(-count).join('\n');
}
