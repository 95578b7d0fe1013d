import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from './suite.ts';

/** `berth serve` in a process of its own. */
export interface Served {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves once `pattern` was printed. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  /** What it has printed on its standard output so far. */
  printed(): string;
  /** Resolves to the port once it listens. */
  listens(): Promise<number>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** Tells it to stop, and resolves when it has ended. */
  stop(): Served['ended'];
}

/** @param settings variables of its environment */
export function serve(folder: string, settings: Readonly<Record<string, string>> = {}): Served {
  const child = spawn(process.execPath, [join(repositoryRoot, 'bin/berth.ts'), 'serve'], {
    env: { PATH: process.env.PATH, BERTH_DATA: folder, BERTH_PORT: '0', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text));
  child.stderr.on('data', (text: Buffer) => (stderr += text));
  const ended = once(child, 'close').then(([code]) => ({ code, stdout, stderr }));
  const endWithTests = () => child.kill('SIGKILL');
  process.once('exit', endWithTests);
  void ended.then(() => process.removeListener('exit', endWithTests));
  const prints = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(stdout);
        if (match !== null) resolve(match);
      };
      child.stdout.on('data', look);
      void ended.then(() => reject(new Error(`it ended:\n${stdout}\n${stderr}`)));
      look();
    });
  return {
    child,
    pid: child.pid ?? Number.NaN,
    ended,
    prints,
    printed: () => stdout,
    async listens() {
      const [, port] = await prints(/"port":(\d+),"msg":"listening"/);
      return Number(port);
    },
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** The processes that a process has started and that live. */
export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim().split(' ').filter(Boolean).map(Number);
}

export function lives(pid: number): boolean {
  try {
    // A process that nobody has waited for yet is none.
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Servers on temporary folders that end with the test that started them. */
export function servedForTests(): {
  /** By default on loopback, with an admin of the password below. */
  start(settings?: Readonly<Record<string, string>>, folder?: string): Served & { folder: string };
  /** For `afterEach`. */
  end(): Promise<void>;
} {
  const running: (Served & { folder: string })[] = [];
  return {
    start(settings = {}, folder = mkdtempSync(join(tmpdir(), 'berth-served-'))) {
      const served = serve(folder, {
        BERTH_HOST: '127.0.0.1',
        BERTH_ADMIN_PASSWORD: servedPassword,
        ...settings,
      });
      running.push({ ...served, folder });
      return { ...served, folder };
    },
    async end() {
      for (const { child, ended, folder } of running.splice(0)) {
        child.kill('SIGKILL');
        await ended;
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

export const servedPassword = 'berths-are-for-ships';
