import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeControlGroup } from './hosts/control-groups.ts';
import { endHost } from './hosts/first-process.ts';
import { createHost, type Host, type HostDescription, ip } from './hosts/host.ts';
import { recordedProcess, recordProcess, run, stopRecorded } from './processes.ts';

export type { Env, Host, HostDescription, HostRunOptions } from './hosts/host.ts';

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

async function route(host: Host, range: string, via: string): Promise<void> {
  if (host.address !== via) await host.exec('ip', 'route', 'replace', range, 'via', via);
}

async function setNameServer(host: Host, address: string): Promise<void> {
  await host.write('/etc/resolv.conf', `nameserver ${address}\n`);
}
