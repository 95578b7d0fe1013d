import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '#test/processes.ts';
import { type NodeFilesOptions, nodeFiles } from '../files.ts';
import { lastNodeStatus, type NodeStatus } from '../status.ts';

/** A shell that the script must run in, as a command and its first arguments. */
export const shells: Readonly<Record<string, readonly string[]>> = {
  dash: ['/usr/bin/dash'],
  bash: ['/usr/bin/bash', '--posix'],
  busybox: ['/usr/bin/busybox', 'sh'],
};

export interface ProcessDescription {
  readonly name: string;
  readonly words: readonly string[];
  /** Of its start: another one is another process of the same number. */
  readonly started?: number;
  readonly user?: number;
  readonly parent?: number;
  /** Its number in a namespace of its own. */
  readonly nested?: number;
}

/** A node's file system in a temporary folder, with processes as /proc shows them. */
export interface TestNode extends AsyncDisposable {
  readonly root: string;
  write(path: string, content: string): Promise<void>;
  read(path: string): Promise<string | undefined>;
  /** Every file and link below a folder. */
  list(path?: string): Promise<string[]>;
  process(pid: number, process: ProcessDescription): Promise<void>;
  endProcess(pid: number): Promise<void>;
  mode(path: string, mode: number): Promise<void>;
  /** What programs of the node say: branches of a shell's `case` of their command lines. */
  chroot(branches: string): Promise<void>;
  give(options: Partial<NodeFilesOptions>): Promise<string>;
  /** One round of the script; what it said last. */
  round(shell?: readonly string[]): Promise<NodeStatus>;
  start(shell?: readonly string[]): RunningScript;
}

export interface RunningScript extends AsyncDisposable {
  readonly pid: number;
  output(): string;
  stop(): Promise<void>;
}

export const certificate = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
export const registry = 'reg.test:5000';

export async function testNode(): Promise<TestNode> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-node-'));
  const [root, files, proc, programs] = ['node', 'files', 'proc', 'programs'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  await Promise.all(
    [root, files, proc, programs, `${root}/etc`, `${root}/var/lib`].map(makeFolder),
  );

  const environment = { PATH: '/usr/bin:/bin', TMPDIR: '/nowhere' };
  const command = ([shell = '', ...first]: readonly string[]) =>
    [shell, [...first, join(files, 'node.sh'), files, root, proc]] as const;

  async function put(path: string, content: string) {
    await makeFolder(dirname(path));
    await writeFile(path, content);
  }

  return {
    root,
    write: (path, content) => put(join(root, path), content),
    read: (path) => readFile(join(root, path), 'utf8').catch(() => undefined),
    list: async (path = '/') => {
      const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
        .sort();
    },
    process: async (pid, { name, words, started = 100, user = 0, parent = 1, nested }) => {
      await put(join(proc, `${pid}/comm`), `${name}\n`);
      await put(join(proc, `${pid}/cmdline`), words.map((word) => `${word}\0`).join(''));
      const numbers = [pid, nested].filter((number) => number !== undefined).join('\t');
      await put(
        join(proc, `${pid}/status`),
        `Name:\t${name}\nPPid:\t${parent}\nUid:\t${[user, user, user, user].join('\t')}\nNSpid:\t${numbers}\n`,
      );
      const fields = ['S', ...Array.from({ length: 18 }, () => '0'), started, '0'];
      await put(join(proc, `${pid}/stat`), `${pid} (${name} (x) ) ${fields.join(' ')}\n`);
    },
    endProcess: (pid) => rm(join(proc, String(pid)), { recursive: true, force: true }),
    mode: (path, mode) => chmod(join(root, path), mode),
    chroot: async (branches) => {
      const program = join(programs, 'chroot');
      const script = `root=$1\nshift\ncase "$*" in\n${branches}\n*) exit 127 ;;\nesac\n`;
      await put(program, `#!/bin/sh\n${script}`);
      await chmod(program, 0o755);
    },
    give: async (options) => {
      const content = nodeFiles({
        registry,
        authorities: certificate,
        addresses: [],
        setConfigPath: false,
        credentialProvider: 'off',
        ...options,
      });
      for (const name of await readdir(files)) await rm(join(files, name));
      for (const [name, text] of Object.entries(content)) {
        // Some shells bring a chroot of their own, which a program in PATH does not replace.
        await put(
          join(files, name),
          text.replace(' chroot "$root"', ` ${programs}/chroot "$root"`),
        );
      }
      return /^revision (\S+)/.exec(content.settings ?? '')?.[1] ?? '';
    },
    round: async (shell = ['/usr/bin/dash']) => {
      const [program, args] = command(shell);
      const { stdout, stderr } = await run(program, [...args, 'once'], {
        env: environment,
        limit: 20_000,
      });
      const status = lastNodeStatus(stdout);
      if (status === undefined || stderr !== '') {
        throw new Error(`The script said nothing that can be read: ${stdout}\n${stderr}`);
      }
      return status;
    },
    start: (shell = ['/usr/bin/dash']) => {
      const [program, args] = command(shell);
      const child = spawn(program, args, {
        env: environment,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (data: Buffer) => {
        output += data;
      });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      const stop = async () => {
        child.kill('SIGTERM');
        await ended;
      };
      return {
        pid: child.pid ?? 0,
        output: () => output,
        stop,
        [Symbol.asyncDispose]: stop,
      };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}
