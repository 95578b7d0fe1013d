import { chmod, mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  childOf,
  type Finished,
  outputOf,
  type RunOptions,
  recordedProcess,
  recordProcess,
  run,
  type Started,
  start,
  stopRecorded,
  succeed,
  waitFor,
} from './processes.ts';

/** Folders of a host that lie on the machine's own file system: overlays cannot be stacked on. */
const ownFolders = [
  '/var/lib/containerd',
  '/var/lib/docker',
  '/var/lib/containers',
  '/var/lib/kubelet',
  '/var/lib/cni',
  '/var/log',
];

const systemPath = '/usr/sbin:/usr/bin:/sbin:/bin';

/** A machine of the bed: its own network, mounts, processes, /etc, /run and HOME. */
export interface Host {
  readonly name: string;
  readonly address: string;
  readonly home: string;
  /** The host's first process as this machine counts: `nsenter --target` enters the host by it. */
  readonly pid: number;
  /** Its first folders to look for commands in, before Debian's own. */
  readonly path: readonly string[];
  /** The control group that the host's container runtimes must keep their containers in. */
  readonly controlGroup: string;
  /** Where this machine sees a file of the host: `file('/etc/hosts')`. */
  file(path: string): string;
  write(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  run(command: string, args: readonly string[], options?: HostRunOptions): Promise<Finished>;
  /** Runs a command that must succeed; returns its standard output. */
  exec(command: string, ...args: readonly string[]): Promise<string>;
  /** Runs what a person would type; rejects when its last command fails. */
  shell(script: string, options?: HostRunOptions): Promise<string>;
  spawn(name: string, command: string, args: readonly string[], env?: Env): Promise<Started>;
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
  readonly address: string;
  readonly path?: readonly string[];
}

export interface Lan {
  readonly suite: string;
  readonly folder: string;
  /** This machine's own address in it. */
  readonly gateway: string;
  readonly hosts: readonly Host[];
  addHost(host: HostDescription): Promise<Host>;
  /** Every host, and those to come, reach a range of addresses by way of one of them. */
  addRoute(range: string, via: string): Promise<void>;
  /** Name → address for every host, and those to come. */
  resolve(names: Readonly<Record<string, string>>): Promise<void>;
  /** Where the hosts, and those to come, look names up that /etc/hosts does not know. */
  useNameServer(address: string): Promise<void>;
  /** Ends every host, and removes all that the suite made. */
  stop(): Promise<void>;
}

const bedsFolder = join(tmpdir(), 'berth-beds');

/**
 * Makes the LAN that a suite's hosts stand on, a bridge with an address of this machine, after
 * removing what earlier runs left behind.
 */
export async function createLan(suite: string, gateway = '10.77.0.1'): Promise<Lan> {
  if (!/^[a-z]{1,9}$/.test(suite)) {
    throw new Error(`The suite ${suite} cannot name a bridge: use 1 to 9 lower-case letters.`);
  }
  if (process.getuid?.() !== 0) throw new Error('The test bed makes namespaces: run it as root.');
  await removeAbandoned(suite);
  const folder = join(bedsFolder, suite);
  await mkdir(folder, { recursive: true });
  await recordProcess(join(folder, ownerRecord), process.pid);
  const bridge = bridgeOf(suite);
  await ip('link', 'add', bridge, 'type', 'bridge');
  await ip('address', 'add', `${gateway}/24`, 'dev', bridge);
  await ip('link', 'set', bridge, 'up');

  const hosts: Host[] = [];
  const routes = new Map<string, string>();
  const names: Record<string, string> = {};
  let nameServer: string | undefined;

  async function addHost(description: HostDescription): Promise<Host> {
    const ended = (host: Host) => hosts.splice(hosts.indexOf(host), 1);
    const host = await createHost({ suite, folder, bridge, gateway, names, ended }, description);
    hosts.push(host);
    if (nameServer !== undefined) await setNameServer(host, nameServer);
    for (const [range, via] of routes) await route(host, range, via);
    await resolve({ [host.name]: host.address });
    return host;
  }

  async function resolve(added: Readonly<Record<string, string>>): Promise<void> {
    Object.assign(names, added);
    await Promise.all(hosts.map((host) => host.resolve({})));
  }

  return {
    suite,
    folder,
    gateway,
    hosts,
    addHost,
    resolve,
    addRoute: async (range, via) => {
      routes.set(range, via);
      await ip('route', 'replace', range, 'via', via);
      await Promise.all(hosts.map((host) => route(host, range, via)));
    },
    useNameServer: async (address) => {
      nameServer = address;
      await Promise.all(hosts.map((host) => setNameServer(host, address)));
    },
    stop: () => removeBed(suite),
  };
}

/** Removes what a run of the suite left, unless that run still goes on. */
export async function cleanUp(suite: string): Promise<void> {
  const owner = await recordedProcess(join(bedsFolder, suite, ownerRecord));
  if (owner !== undefined && owner !== process.pid) {
    throw new Error(`The suite ${suite} is running as process ${owner}: wait for it, or end it.`);
  }
  await removeBed(suite);
}

/** Another suite's remains would claim the same addresses: they go too, once its run is over. */
async function removeAbandoned(suite: string): Promise<void> {
  await cleanUp(suite);
  for (const other of await readdir(bedsFolder).catch(() => [])) {
    const owner = await recordedProcess(join(bedsFolder, other, ownerRecord));
    if (owner === undefined) await removeBed(other);
  }
}

const ownerRecord = 'owner.record';
const holderRecord = 'first-process.record';

async function removeBed(suite: string): Promise<void> {
  const folder = join(bedsFolder, suite);
  const hosts = await readdir(join(folder, 'hosts')).catch(() => []);
  await Promise.all(hosts.map((host) => endHost(suite, join(folder, 'hosts', host), host)));
  await stopRecorded(folder);
  await run('ip', ['link', 'delete', bridgeOf(suite)]);
  await removeControlGroup(suite);
  await rm(folder, { recursive: true, force: true });
}

function bridgeOf(suite: string): string {
  return `berth-${suite}`;
}

interface Surroundings {
  readonly suite: string;
  readonly folder: string;
  readonly bridge: string;
  readonly gateway: string;
  readonly names: Readonly<Record<string, string>>;
  readonly ended: (host: Host) => void;
}

async function createHost(
  { suite, folder: lanFolder, bridge, gateway, names: lanNames, ended }: Surroundings,
  { name, address, path = [] }: HostDescription,
): Promise<Host> {
  if (!/^[a-z][a-z0-9-]{0,19}$/.test(name)) throw new Error(`${name} cannot name a host.`);
  const folder = join(lanFolder, 'hosts', name);
  const home = join(folder, 'home');
  await mkdir(home, { recursive: true });
  const first = await startFirstProcess(folder, name);
  const { pid } = first;
  await connect({
    pid,
    bridge,
    gateway,
    address,
    link: `${suite.slice(0, 4)}-${lastByte(address)}`,
  });

  const ownNames: Record<string, string> = {};
  const basic = {
    PATH: [...path, systemPath].join(':'),
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
    // A link would lead out of the host and into this machine.
    await rm(target, { force: true });
    await writeFile(target, content);
    await chmod(target, mode);
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
    path,
    controlGroup: `/${controlGroupOf(suite)}/${name}`,
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
    resolve: async (added) => {
      Object.assign(ownNames, added);
      await write('/etc/hosts', hostsFile({ ...lanNames, ...ownNames }));
    },
    stop: async () => {
      ended(host);
      await endHost(suite, folder, name);
    },
  };
  await host.resolve({});
  await host.write('/etc/resolv.conf', '');
  return host;
}

interface FirstProcess {
  readonly pid: number;
  readonly running: () => boolean;
}

/**
 * The host's namespaces live as long as their first process, which dies with this one. It reaps
 * what the host's daemons leave behind, as any first process must.
 */
async function startFirstProcess(folder: string, name: string): Promise<FirstProcess> {
  const ready = join(folder, 'ready');
  const script = join(folder, 'first-process.sh');
  const overlays = ['/etc', '/var/lib'].map((lower) => {
    const own = join(folder, 'overlay', lower);
    const options = `lowerdir=${lower},upperdir=${own}/upper,workdir=${own}/work`;
    return `mkdir -p ${own}/upper ${own}/work\nmount -t overlay overlay -o ${options} ${lower}`;
  });
  const binds = ownFolders.map((path) => {
    const own = join(folder, 'disk', path);
    return `mkdir -p ${own} ${path}\nmount --bind ${own} ${path}`;
  });
  await writeFile(
    script,
    `set -eu
hostname ${name}
${overlays.join('\n')}
${binds.join('\n')}
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
mount --make-rshared /
: >${ready}
while :; do sleep 1000000 & wait; done
`,
  );
  const namespaces = ['--mount', '--net', '--pid', '--uts', '--ipc', '--fork', '--mount-proc'];
  const holder = await start(folder, {
    name: 'holder',
    command: 'setpriv',
    args: [
      ...['--pdeathsig', 'KILL', 'unshare', '--kill-child=KILL', ...namespaces],
      ...['sh', script],
    ],
    cwd: '/',
    env: { PATH: systemPath },
  });
  await waitFor(() => readFile(ready).then(() => true), {
    what: `the host ${name} to have its mounts`,
    programs: [holder],
  });
  const pid = childOf(holder.pid);
  if (pid === undefined) throw new Error(`The host ${name} ended at once: ${holder.log}`);
  await recordProcess(join(folder, holderRecord), pid);
  return { pid, running: holder.running };
}

/** The kernel lets go of a first process only when all others in its namespace are gone. */
async function endHost(suite: string, folder: string, name: string): Promise<void> {
  const record = join(folder, holderRecord);
  const pid = await recordedProcess(record);
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
  await waitFor(async () => (await recordedProcess(record)) === undefined, {
    what: `all processes of the host ${name} to be gone`,
  });
  await stopRecorded(folder);
  await removeControlGroup(join(suite, name));
  await rm(folder, { recursive: true, force: true });
}

interface Connection {
  readonly pid: number;
  readonly bridge: string;
  readonly gateway: string;
  readonly address: string;
  readonly link: string;
}

async function connect({ pid, bridge, gateway, address, link }: Connection): Promise<void> {
  const ends = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)];
  await ip('link', 'add', link, ...ends);
  await ip('link', 'set', link, 'master', bridge, 'up');
  const inside = ['--target', String(pid), '--net', 'ip'];
  await succeed('nsenter', [...inside, 'address', 'add', `${address}/24`, 'dev', 'eth0']);
  await succeed('nsenter', [...inside, 'link', 'set', 'eth0', 'up']);
  await succeed('nsenter', [...inside, 'route', 'add', 'default', 'via', gateway]);
}

async function route(host: Host, range: string, via: string): Promise<void> {
  if (host.address !== via) await host.exec('ip', 'route', 'replace', range, 'via', via);
}

async function setNameServer(host: Host, address: string): Promise<void> {
  await host.write('/etc/resolv.conf', `nameserver ${address}\n`);
}

function hostsFile(names: Readonly<Record<string, string>>): string {
  const lines = Object.entries(names).map(([name, address]) => `${address} ${name}\n`);
  return `127.0.0.1 localhost\n${lines.join('')}`;
}

function enter(pid: number, folder: string): readonly string[] {
  const namespaces = ['--mount', '--net', '--pid', '--uts', '--ipc'];
  return ['--target', String(pid), ...namespaces, `--wdns=${folder}`, '--'];
}

function lastByte(address: string): string {
  return address.slice(address.lastIndexOf('.') + 1);
}

function ip(...args: readonly string[]): Promise<string> {
  return succeed('ip', args);
}

function controlGroupOf(suite: string): string {
  return `berth-${suite}`;
}

/** Containers that were killed leave their empty control groups, in each hierarchy. */
async function removeControlGroup(group: string): Promise<void> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const hierarchies = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, folder = '']) => folder);
  await Promise.all(
    hierarchies.map((folder) => removeFolders(join(folder, controlGroupOf(group)))),
  );
}

async function removeFolders(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) await removeFolders(join(folder, entry.name));
  }
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
