import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { developmentNetwork } from './development.ts';
import { removeControlGroup } from './hosts/control-groups.ts';
import { endHost } from './hosts/first-process.ts';
import { createHost, type Host, type HostDescription, ip } from './hosts/host.ts';
import { recordedProcess, recordProcess, run, stopRecorded } from './processes.ts';
import { withLock } from './tools/lock.ts';

export type { Env, Host, HostDescription, HostRunOptions } from './hosts/host.ts';

export interface Lan {
  readonly folder: string;
  /** This machine's own address in it. */
  readonly gateway: string;
  readonly hosts: readonly Host[];
  /** Of the host of that number, 2 to 254. */
  address(number: number): string;
  /** Addresses for all pods. */
  readonly podRange: string;
  /** Those of the node of that number, which is at most 99. */
  podRangeOf(number: number): string;
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
 * @param network the LAN is 10.NETWORK.0.0/24, and no other suite's at the same time
 */
export async function createLan(suite: string, network = 77): Promise<Lan> {
  if (process.getuid?.() !== 0) throw new Error('The test bed makes namespaces: run it as root.');
  const bed = bedOf(suite);
  const prefix = `10.${developmentNetwork() ?? network}`;
  const folder = join(bedsFolder, bed);
  await aloneWithBeds(async () => {
    await removeAbandoned(bed);
    await mkdir(folder);
    await recordProcess(join(folder, ownerRecord), process.pid);
  });
  const bridge = bridgeOf(bed);
  const gateway = `${prefix}.0.1`;
  await ip('link', 'add', bridge, 'type', 'bridge');
  await ip('address', 'add', `${gateway}/24`, 'dev', bridge);
  await ip('link', 'set', bridge, 'up');

  const hosts: Host[] = [];
  const routes = new Map<string, string>();
  const names: Record<string, string> = {};
  let nameServer: string | undefined;

  const address = (number: number) => `${prefix}.0.${number}`;

  async function addHost(description: HostDescription): Promise<Host> {
    const ended = (host: Host) => hosts.splice(hosts.indexOf(host), 1);
    const surroundings = { bed, folder, bridge, gateway, address, names, ended };
    const host = await createHost(surroundings, description);
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
    folder,
    gateway,
    hosts,
    address,
    podRange: `${prefix}.128.0/17`,
    podRangeOf: (number) => `${prefix}.${128 + number}.0/24`,
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
    stop: () => aloneWithBeds(() => removeBed(bed)),
  };
}

/** Removes what a run of the suite left, unless that run still goes on. */
export async function cleanUp(suite: string): Promise<void> {
  await aloneWithBeds(() => removeOwn(bedOf(suite)));
}

async function removeOwn(bed: string): Promise<void> {
  const owner = await recordedProcess(join(bedsFolder, bed, ownerRecord));
  if (owner !== undefined && owner !== process.pid) {
    throw new Error(`The bed ${bed} is in use by process ${owner}: wait for it, or end it.`);
  }
  await removeBed(bed);
}

/** Another suite's remains would claim the same addresses: they go too, once its run is over. */
async function removeAbandoned(bed: string): Promise<void> {
  await removeOwn(bed);
  const entries = await readdir(bedsFolder, { withFileTypes: true });
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    const owner = await recordedProcess(join(bedsFolder, name, ownerRecord));
    if (owner === undefined) await removeBed(name);
  }
}

/** What names a bed's bridge, links, control groups and folder. */
function bedOf(suite: string): string {
  if (!/^[a-z]{1,9}$/.test(suite)) {
    throw new Error(`The suite ${suite} cannot name a bridge: use 1 to 9 lower-case letters.`);
  }
  const network = developmentNetwork();
  return network === undefined ? suite : `own${network}`;
}

/** A bed that is just made has no owner yet, and would be taken for an abandoned one. */
async function aloneWithBeds<Result>(action: () => Promise<Result>): Promise<Result> {
  await mkdir(bedsFolder, { recursive: true });
  return await withLock(join(bedsFolder, 'lock'), () => {}, action);
}

const ownerRecord = 'owner.record';

async function removeBed(bed: string): Promise<void> {
  const folder = join(bedsFolder, bed);
  const hosts = await readdir(join(folder, 'hosts')).catch(() => []);
  await Promise.all(hosts.map((host) => endHost(bed, join(folder, 'hosts', host), host)));
  await stopRecorded(folder);
  await run('ip', ['link', 'delete', bridgeOf(bed)]);
  await removeControlGroup(bed);
  await rm(folder, { recursive: true, force: true });
}

function bridgeOf(bed: string): string {
  return `berth-${bed}`;
}

async function route(host: Host, range: string, via: string): Promise<void> {
  if (host.address !== via) await host.exec('ip', 'route', 'replace', range, 'via', via);
}

async function setNameServer(host: Host, address: string): Promise<void> {
  await host.write('/etc/resolv.conf', `nameserver ${address}\n`);
}
