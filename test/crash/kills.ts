import { setTimeout as pause } from 'node:timers/promises';
import type { Postgres } from '#test/postgres.ts';
import { waitFor } from '#test/processes.ts';
import { type Random, randomOf } from '#test/random.ts';
import { collectGarbage } from './collection.ts';
import {
  connectionsOfServers,
  type Observation,
  observePostgres,
  observeSqlite,
} from './observe-queries.ts';
import type { Planner } from './operation.ts';
import { planOperation } from './operations.ts';
import { pullsFrom } from './pulling.ts';
import { senderTo, UnexpectedReply } from './sending.ts';
import {
  type Credential,
  createCredential,
  launchServer,
  type ServerProcess,
  startServerProcess,
} from './server-process.ts';
import { createLedger } from './state.ts';
import { verifyRegistry } from './verification.ts';

export interface KillPlan {
  readonly seed: string;
  readonly kills: number;
  readonly folder: string;
  /** As of `ServerSettings`. */
  readonly program: string;
  readonly workers: string;
  /** Absent: SQLite in the folder. */
  readonly postgres?: { readonly server: Postgres; readonly url: string };
  readonly report: (line: string) => void;
}

export interface KillOutcome {
  readonly kills: number;
  readonly acknowledged: number;
  /** Operations that nobody was answered for, and how many of them were there. */
  readonly unanswered: number;
  readonly facts: number;
  readonly orphans: number;
}

const clients = 6;
/** Rounds between checks of everything. */
const wholeCheckEvery = 20;
/** Rounds between kills in the middle of a start. */
const earlyKillEvery = 8;
/** Rounds between crashes of PostgreSQL under a server that lives on. */
const databaseCrashEvery = 10;
const sampleSize = 6;

/**
 * Kills a server again and again while clients push and delete, and checks after each start what
 * is there.
 * @throws {Error} at the first thing that is wrong, with the seed's round and what was seen
 */
export async function killAgainAndAgain(plan: KillPlan): Promise<KillOutcome> {
  const { seed, kills, folder, program, workers, postgres, report } = plan;
  const settings = {
    folder,
    program,
    workers,
    ...(postgres === undefined ? {} : { databaseUrl: postgres.url }),
  };
  const blobs = Array.from({ length: 600 }, (_, number) => number);
  const planner: Planner = { seed, blobs, manifests: new Map() };
  const ledger = createLedger();
  let credential: Credential | undefined;
  let acknowledged = 0;
  let unanswered = 0;
  let orphans = 0;
  /** Of the orphaned files, after a collection. */
  let left = 0;

  const observe = (): Promise<Observation> =>
    postgres === undefined ? observeSqlite(folder, 'read') : observePostgres(folder, postgres.url);

  /** Compares what is there with what was acknowledged, in the database, on disk and by pulls. */
  async function check(server: ServerProcess, signed: Credential, random: Random, whole: boolean) {
    const observed = await observe();
    orphans = observed.orphans.length;
    left = orphans;
    const problems = [...observed.problems, ...ledger.settle(observed.state)];
    const pulls = pullsFrom(server, signed, ledger, planner);
    problems.push(...(whole ? await pulls.all() : await pulls.some(random, sampleSize)));
    if (problems.length > 0) throw new Error(problems.slice(0, 20).join('\n'));
  }

  /** The program's own check finds nothing wrong, and the orphans that are there. */
  async function verify(): Promise<void> {
    const { clean, orphans: found, output } = await verifyRegistry(settings);
    if (!clean || found !== left) {
      throw new Error(`${left} orphaned files are there, but berth verify says\n${output}`);
    }
  }

  /** A request that a kill interrupted leases its upload for a minute, and keeps its file as long. */
  async function collectUntilGone(server: ServerProcess, signed: Credential): Promise<void> {
    await waitFor(
      async () => {
        await collectGarbage(server, signed);
        return (await observe()).orphans.length;
      },
      { what: 'orphaned files to go', limit: 180_000, until: (count) => count === 0 },
    );
  }

  /** Files that belong to nothing are gone, and every tag is whole. */
  async function checkCollected(): Promise<void> {
    const { state, problems, orphans: files } = await observe();
    const lost = [...ledger.state].filter(([key, value]) => {
      return key.startsWith('tag ') && state.get(key) !== value;
    });
    left = files.length;
    if (problems.length + lost.length + left > 0) {
      throw new Error(
        `A collection left ${left} orphaned files, took ${lost.length} tags: ${lost}\n${problems.join('\n')}`,
      );
    }
  }

  /** Lets the clients work until the moment has come, strikes, and waits until each has stopped. */
  async function workUntil(
    moment: Moment,
    server: ServerProcess,
    signed: Credential,
    strike: () => Promise<void>,
  ): Promise<void> {
    const sender = senderTo(server, signed);
    const reached = Promise.withResolvers<void>();
    let begun = 0;
    let struck = false;

    async function work(client: number): Promise<void> {
      for (let step = 0; !struck; step += 1) {
        const random = randomOf(`${moment.round} client ${client} step ${step}`);
        const operation = planOperation(planner, random, client, ledger.state);
        ledger.begin(client, operation.changes);
        begun += 1;
        if (begun === moment.operations) reached.resolve();
        try {
          await operation.send(sender);
        } catch (error) {
          if (!struck || !isOutage(error)) {
            throw new Error(`${operation.name}: ${(error as Error).message}`, { cause: error });
          }
          unanswered += 1;
          return;
        }
        ledger.acknowledge(client);
        acknowledged += 1;
      }
    }

    const working = Promise.all(Array.from({ length: clients }, (_, client) => work(client)));
    await Promise.race([reached.promise, working]);
    await Promise.race([pause(moment.milliseconds), working]);
    struck = true;
    await strike();
    await working;
  }

  async function runRound(kill: number, server: ServerProcess): Promise<void> {
    const round = `${seed} round ${kill}`;
    const random = randomOf(round);
    credential ??= await createCredential(server);
    await check(server, credential, random, kill % wholeCheckEvery === 0);
    if (postgres !== undefined && kill % databaseCrashEvery === 0) {
      const crash = momentOf(`${round} crash of the database`);
      await workUntil(crash, server, credential, () => postgres.server.crash());
      await postgres.server.start();
      await answers(server, credential);
      await check(server, credential, random, false);
    }
    await workUntil(momentOf(round), server, credential, () => server.kill());
    if (postgres !== undefined) await connectionsEnd(postgres.url);
  }

  /** Runs `work` on a server that is started for it; what fails is told with the server's log. */
  async function withServer(work: (server: ServerProcess) => Promise<void>): Promise<void> {
    const server = await startServerProcess(settings);
    try {
      await work(server);
    } catch (error) {
      await server.kill();
      const log = server.log().slice(-20).join('\n');
      throw new Error(`${(error as Error).message}\n${log}`, { cause: error });
    }
  }

  for (let kill = 1; kill <= kills; kill += 1) {
    try {
      if (kill % earlyKillEvery === 1) {
        await killDuringStart(settings, randomOf(`${seed} early ${kill}`).integer(1500));
      } else {
        await withServer((server) => runRound(kill, server));
      }
    } catch (error) {
      throw new Error(`Round ${kill}: ${(error as Error).message}`, { cause: error });
    }
    if (kill % wholeCheckEvery === 0) {
      report(`${kill} kills, ${acknowledged} acknowledged, ${ledger.state.size} facts hold`);
    }
  }
  await withServer(async (server) => {
    credential ??= await createCredential(server);
    await check(server, credential, randomOf(`${seed} end`), true);
    await verify();
    await server.kill('SIGTERM');
  });
  const collector = await startServerProcess({ ...settings, collectionGrace: '0s' });
  try {
    credential ??= await createCredential(collector);
    await collectUntilGone(collector, credential);
    await checkCollected();
    await verify();
  } finally {
    await collector.kill();
  }
  return { kills, acknowledged, unanswered, facts: ledger.state.size, orphans };
}

/** When the server is killed: after so many operations have begun, and a while after that. */
interface Moment {
  readonly round: string;
  readonly operations: number;
  readonly milliseconds: number;
}

function momentOf(round: string): Moment {
  const random = randomOf(`${round} moment`);
  return { round, operations: 1 + random.integer(120), milliseconds: random.integer(15) };
}

async function answers(server: ServerProcess, credential: Credential): Promise<void> {
  await waitFor(async () => (await server.call(credential, '/v2/')).status === 200, {
    what: 'the server to answer after the crash of its database',
  });
}

/** PostgreSQL may still be at work for a server that is gone. */
async function connectionsEnd(url: string): Promise<void> {
  await waitFor(() => connectionsOfServers(url), {
    what: 'PostgreSQL to end what the server had begun',
    until: (connections) => connections === 0,
  });
}

async function killDuringStart(
  settings: Parameters<typeof launchServer>[0],
  milliseconds: number,
): Promise<void> {
  const { kill, ready } = launchServer(settings);
  ready.catch(() => {});
  await pause(milliseconds);
  await kill();
}

/** The server, or its database, was gone: nobody can tell whether the operation is there. */
function isOutage(error: unknown): boolean {
  return !(error instanceof UnexpectedReply) || error.status === 503;
}
