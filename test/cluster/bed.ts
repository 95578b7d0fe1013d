import { type Berth, startBerth } from '#test/berth.ts';
import { createLan, type Lan } from '#test/hosts.ts';
import { repositoryRoot } from '#test/suite.ts';
import { openTerminal, type Terminal } from '#test/terminal.ts';
import { ensureTools, recipes } from '#test/tools/index.ts';
import { ensureTutorialTools } from '../tutorial/programs.ts';
import { type Figure, figureRecorder } from './figures.ts';
import {
  busyboxImage,
  type Cluster,
  type ContainerdVersion,
  clusterTools,
  type Docker,
  startCluster,
  startDocker,
} from './index.ts';

export const suite = 'cluster';
/** As image names begin: with a port, which has to be in every name that nodes are told. */
export const registry = 'registry.berth.test:5000';
/** What the bed's cluster is called in Berth. */
export const clusterName = 'bed';
/** Anyone may pull from it. */
export const publicProject = 'open';
/** Its members alone may pull from it. */
export const privateProject = 'team';

/** Berth on its own host, a cluster of two nodes, and the operator's machine. */
export interface Bed {
  readonly lan: Lan;
  readonly version: ContainerdVersion;
  readonly berth: Berth;
  readonly cluster: Cluster;
  readonly docker: Docker;
  /** The operator's machine with docker, kubectl, Helm and curl, which trusts Berth. */
  readonly operator: Terminal;
  /** The same machine, in a clone of Berth, signed in as its admin. */
  readonly clone: Terminal;
  /** What `./berth ARGUMENTS --json` says there. */
  berthJson(args: string): Promise<unknown>;
  /** Pushes an image with a shell: `team/app:1`; returns its whole reference. */
  push(image: string): Promise<string>;
  record(figure: Figure): void;
  stop(): Promise<void>;
}

export interface BedDescription {
  readonly version: ContainerdVersion;
  /** The file that figures are recorded in. */
  readonly figures: string;
  /** Berth's name, as image names begin; the suite's own by default. */
  readonly name?: string;
  /** Two by default. */
  readonly nodes?: number;
}

export async function ensureSuiteTools(): Promise<void> {
  await clusterTools();
  await ensureTutorialTools();
}

export async function startBed({
  version,
  figures,
  name = registry,
  nodes = 2,
}: BedDescription): Promise<Bed> {
  const lan = await createLan(suite, 79);
  try {
    const [registryHost, operatorHost] = await Promise.all([
      lan.addHost({ name: 'registry', number: 2 }),
      lan.addHost({ name: 'operator', number: 3 }),
    ]);
    const [hostName = ''] = name.split(':');
    await lan.resolve({ [hostName]: registryHost.address });
    const { helm4 } = await ensureTools(recipes.clients);
    await operatorHost.install({ node: process.execPath, helm: helm4 });
    const [berth, docker, cluster] = await Promise.all([
      startBerth(registryHost, {
        url: `https://${name}`,
        // Nodes that do not resolve its name are led to its address.
        settings: { BERTH_NAMES: registryHost.address },
      }),
      startDocker(operatorHost),
      startCluster({
        lan,
        nodes: Array.from({ length: nodes }, (_, index) => ({
          name: `node-${index + 1}`,
          number: 11 + index,
          containerd: version,
        })),
      }),
    ]);
    const operator = openTerminal(operatorHost);
    const clone = openTerminal(operatorHost, repositoryRoot);
    await cluster.administerFrom(operatorHost);
    await signIn(clone, operator, berth);
    for (const project of [`${publicProject} --public`, privateProject]) {
      await clone.type(`./berth project create ${project}`);
    }
    return {
      lan,
      version,
      berth,
      cluster,
      docker,
      operator,
      clone,
      berthJson: async (args) =>
        JSON.parse(
          await operatorHost.shell(`cd '${repositoryRoot}' && ./berth ${args} --json`),
        ) as unknown,
      push: async (image) => {
        const archive = await busyboxImage(`${name}/${image}`);
        await docker.load(archive);
        await docker.docker('push', archive.reference);
        return archive.reference;
      },
      record: figureRecorder(figures, `containerd ${version}`),
      stop: async () => {
        await Promise.all([cluster.stop(), docker.stop(), berth.stop()]);
        await lan.stop();
      },
    };
  } catch (error) {
    await lan.stop();
    throw error;
  }
}

async function signIn(clone: Terminal, operator: Terminal, berth: Berth): Promise<void> {
  const { username, password } = berth.admin;
  await clone.type(`./berth trust ${berth.name} --fingerprint ${berth.fingerprint}`);
  await clone.type(`./berth login ${berth.name} --username ${username} --password-stdin`, {
    input: password,
  });
  await operator.type(`docker login ${berth.name} --username ${username} --password-stdin`, {
    input: password,
  });
}
