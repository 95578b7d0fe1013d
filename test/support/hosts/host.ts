import { randomUUID } from 'node:crypto';
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Finished,
  outputOf,
  type RunOptions,
  run,
  type Started,
  start,
  succeed,
} from '../processes.ts';
import { controlGroupOf, createControlGroup } from './control-groups.ts';
import { endHost, startFirstProcess, systemPath } from './first-process.ts';

/** A machine of the bed: its own network, mounts, processes, /etc, /run and HOME. */
export interface Host {
  readonly name: string;
  readonly address: string;
  readonly home: string;
  /** The host's first process as this machine counts: `nsenter --target` enters the host by it. */
  readonly pid: number;
  /** The control group that the host's container runtimes must keep their containers in. */
  readonly controlGroup: string;
  /**
   * Where this machine sees a file of the host: `file('/etc/hosts')`. A symbolic link on the way
   * would lead into this machine's own tree.
   */
  file(path: string): string;
  write(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  run(command: string, args: readonly string[], options?: HostRunOptions): Promise<Finished>;
  /** Runs a command that must succeed; returns its standard output. */
  exec(command: string, ...args: readonly string[]): Promise<string>;
  /** Runs what a person would type; rejects when its last command fails. */
  shell(script: string, options?: HostRunOptions): Promise<string>;
  spawn(name: string, command: string, args: readonly string[], env?: Env): Promise<Started>;
  /** Command → program: what a person on the host gets who types the command's name. */
  install(commands: Readonly<Record<string, string>>): Promise<void>;
  /** Name → address in the host's /etc/hosts, beside the LAN's own. */
  resolve(names: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}

export type Env = Readonly<Record<string, string>>;

export interface HostRunOptions extends RunOptions {
  /** Added to the host's own environment, which is otherwise PATH, HOME and LANG. */
  readonly env?: Env;
}

export interface HostDescription {
  /** At most 20 characters; the host's own host name. */
  readonly name: string;
  /** Of its address in the LAN, and nobody else's there: 2 to 254. */
  readonly number: number;
  /** Folders to look for commands in, before Debian's own. */
  readonly path?: readonly string[];
}

export interface Surroundings {
  readonly bed: string;
  readonly folder: string;
  readonly bridge: string;
  readonly gateway: string;
  readonly address: (number: number) => string;
  readonly names: Readonly<Record<string, string>>;
  readonly ended: (host: Host) => void;
}

export async function createHost(
  { bed, folder: lanFolder, bridge, gateway, names: lanNames, ...lan }: Surroundings,
  { name, number, path = [] }: HostDescription,
): Promise<Host> {
  if (!/^[a-z][a-z0-9-]{0,19}$/.test(name)) throw new Error(`${name} cannot name a host.`);
  const folder = join(lanFolder, 'hosts', name);
  const home = join(folder, 'home');
  const bin = join(folder, 'bin');
  await mkdir(home, { recursive: true });
  await mkdir(bin);
  await createControlGroup(bed, name);
  const first = await startFirstProcess(folder, name);
  const { pid } = first;
  const address = lan.address(number);
  await connect({ pid, bridge, gateway, address, link: `${bed}-${number}` });

  const ownNames: Record<string, string> = {};
  const basic = {
    PATH: [bin, ...path, systemPath].join(':'),
    HOME: home,
    LANG: 'C.UTF-8',
    USER: 'root',
  };
  const file = (inside: string) => {
    // Its pid may be another process's by now, and the path then lead into this machine.
    if (!first.running()) throw new Error(`The host ${name} has ended.`);
    return join(`/proc/${pid}/root`, inside);
  };

  async function write(inside: string, content: string | Uint8Array, mode = 0o644) {
    const target = file(inside);
    await mkdir(join(target, '..'), { recursive: true });
    // Several may write one file at once, and a link would lead out of the host into this machine.
    const whole = `${target}.${randomUUID()}`;
    await writeFile(whole, content);
    await chmod(whole, mode);
    await rename(whole, target);
  }

  const runIn: Host['run'] = (command, args, options = {}) =>
    run('nsenter', [...enter(pid, options.cwd ?? home), command, ...args], {
      ...options,
      cwd: '/',
      env: { ...basic, ...options.env },
    });

  const host: Host = {
    name,
    address,
    home,
    pid,
    controlGroup: controlGroupOf(bed, name),
    file,
    write,
    run: runIn,
    exec: async (command, ...args) =>
      outputOf(await runIn(command, args), `${name}# ${[command, ...args].join(' ')}`),
    shell: async (script, options) =>
      outputOf(
        await runIn('bash', ['-o', 'pipefail', '-c', script], options),
        `${name}# ${script}`,
      ),
    spawn: (program, command, args, env = {}) =>
      start(join(folder, 'programs'), {
        name: program,
        command: 'nsenter',
        args: [...enter(pid, home), command, ...args],
        cwd: '/',
        env: { ...basic, ...env },
        waitsForChild: true,
      }),
    install: async (commands) => {
      for (const [command, program] of Object.entries(commands)) {
        await rm(join(bin, command), { force: true });
        await symlink(program, join(bin, command));
      }
    },
    resolve: async (added) => {
      Object.assign(ownNames, added);
      await write('/etc/hosts', hostsFile({ ...lanNames, ...ownNames }));
    },
    stop: async () => {
      lan.ended(host);
      await endHost(bed, folder, name);
    },
  };
  await host.resolve({});
  await host.write('/etc/resolv.conf', '');
  return host;
}

interface Connection {
  readonly pid: number;
  readonly bridge: string;
  readonly gateway: string;
  readonly address: string;
  readonly link: string;
}

async function connect({ pid, bridge, gateway, address, link }: Connection): Promise<void> {
  const inside = ['name', 'eth0', 'address', hardwareAddress(address), 'netns', String(pid)];
  // A connection that nobody answers any more keeps an ended host's network, and its link, for minutes.
  await run('ip', ['link', 'delete', link]);
  await ip('link', 'add', link, 'type', 'veth', 'peer', ...inside);
  await ip('link', 'set', link, 'master', bridge, 'up');
  const ipInside = ['--target', String(pid), '--net', 'ip'];
  await succeed('nsenter', [...ipInside, 'address', 'add', `${address}/24`, 'dev', 'eth0']);
  await succeed('nsenter', [...ipInside, 'link', 'set', 'eth0', 'up']);
  await succeed('nsenter', [...ipInside, 'route', 'add', 'default', 'via', gateway]);
}

/** Others remember it for a while: a later host at the same address must have the same. */
function hardwareAddress(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}

function hostsFile(names: Readonly<Record<string, string>>): string {
  const lines = Object.entries(names).map(([name, address]) => `${address} ${name}\n`);
  return `127.0.0.1 localhost\n${lines.join('')}`;
}

function enter(pid: number, folder: string): readonly string[] {
  const namespaces = ['--mount', '--net', '--pid', '--uts', '--ipc'];
  return ['--target', String(pid), ...namespaces, `--wdns=${folder}`, '--'];
}

export function ip(...args: readonly string[]): Promise<string> {
  return succeed('ip', args);
}
