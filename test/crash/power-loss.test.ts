import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { randomOf } from '#test/random.ts';
import { type Moment, readMoments, skipWithoutStrace, straceCommand } from '#test/trace.ts';
import { matchesDigest } from './contents.ts';
import { createDiskModel, type Loss, losses } from './disk-model.ts';
import { type Observation, observeSqlite } from './observe-queries.ts';
import type { Operation, Planner } from './operation.ts';
import { planOperation } from './operations.ts';
import { pullsFrom } from './pulling.ts';
import { senderTo } from './sending.ts';
import { type Credential, createCredential, startServerProcess } from './server-process.ts';
import { createLedger, type Ledger } from './state.ts';

const calls = [
  ...['openat', 'mkdir', 'mkdirat', 'rename', 'renameat', 'renameat2', 'link', 'linkat'],
  ...['unlink', 'unlinkat', 'fsync', 'fdatasync', 'ftruncate', 'pwrite64', 'write', 'writev'],
  ...['sendto', 'sendmsg'],
];

const seed = 'power loss';
const clients = 3;
const steps = 30;
/** Moments at which the power fails, each with every loss. */
const mostMoments = 60;
const startsOfServer = 3;

interface Done {
  readonly operation: Operation;
  /** Of its last request: what acknowledges it. */
  readonly requestId: string;
}

interface Recording {
  readonly root: string;
  readonly folder: string;
  readonly credential: Credential;
  readonly planner: Planner;
  /** In the order of each client. */
  readonly done: readonly (readonly Done[])[];
  readonly moments: readonly Moment[];
}

async function record(): Promise<Recording> {
  const root = mkdtempSync(join(tmpdir(), 'berth-power-'));
  const folder = join(root, 'new', 'data');
  const log = mkdtempSync(join(tmpdir(), 'berth-trace-'));
  try {
    const file = join(log, 'strace.log');
    const server = await startServerProcess({
      folder,
      under: straceCommand(file, calls, 2 * 1024 * 1024),
    });
    const small = Array.from({ length: 200 }, (_, number) => number).filter((n) => n % 8 < 5);
    const planner: Planner = { seed, blobs: small, manifests: new Map() };
    const ledger = createLedger();
    try {
      const credential = await createCredential(server);
      const work = async (client: number) => {
        const done: Done[] = [];
        for (let step = 0; step < steps; step += 1) {
          const random = randomOf(`${seed} client ${client} step ${step}`);
          const operation = planOperation(planner, random, client, ledger.state);
          let requests = 0;
          const nextId = () => {
            requests += 1;
            return `power-${client}-${step}-${requests}`;
          };
          ledger.begin(client, operation.changes);
          await operation.send(senderTo(server, credential, nextId));
          ledger.acknowledge(client);
          done.push({ operation, requestId: `power-${client}-${step}-${requests}` });
        }
        return done;
      };
      const done = await Promise.all(Array.from({ length: clients }, (_, client) => work(client)));
      await server.kill('SIGTERM');
      return { root, folder, credential, planner, done, moments: readMoments(file) };
    } catch (error) {
      await server.kill('SIGTERM');
      throw error;
    }
  } finally {
    rmSync(log, { recursive: true, force: true });
    rmSync(root, { recursive: true, force: true });
  }
}

/** The ids of the requests whose replies began to be sent, by the position of that. */
function repliesOf(moments: readonly Moment[]): Map<number, string> {
  const replies = new Map<number, string>();
  moments.forEach(({ call, phase, text }, position) => {
    if (phase !== 'start' || !/^(?:write|send)/.test(call)) return;
    const id = /X-Request-Id: (power-[\d-]+)\\r/i.exec(text)?.[1];
    if (id !== undefined && /HTTP\/1\.1 20/.test(text)) replies.set(position, id);
  });
  return replies;
}

/** What was acknowledged by then, and what each client waits for. */
function ledgerAt(done: Recording['done'], acknowledged: ReadonlySet<string>): Ledger {
  const ledger = createLedger();
  done.forEach((operations, client) => {
    for (const { operation, requestId } of operations) {
      ledger.begin(client, operation.changes);
      if (!acknowledged.has(requestId)) return;
      ledger.acknowledge(client);
    }
  });
  return ledger;
}

function problemsOf(observed: Observation, ledger: Ledger): string[] {
  const damaged = observed.files
    .filter(({ digest, path }) => !matchesDigest(digest, readFileSync(path)))
    .map(({ digest }) => `the bytes of blob ${digest} are damaged`);
  return [...observed.problems, ...damaged, ...ledger.settle(observed.state)];
}

/** Lets the power fail at many moments of the recording and gives what is left to `examine`. */
async function failAgainAndAgain(
  { root, folder, moments, done }: Recording,
  most: number,
  kinds: readonly Loss[],
  examine: (left: string, ledger: Ledger, what: string) => Promise<void>,
): Promise<number> {
  const replies = repliesOf(moments);
  const [first = 0] = replies.keys();
  const every = Math.ceil((moments.length - first) / most);
  const disk = createDiskModel(root);
  const acknowledged = new Set<string>();
  let examined = 0;
  let changed = false;
  for (const [position, moment] of moments.entries()) {
    if (disk.take(moment)) changed = true;
    const reply = replies.get(position);
    if (reply !== undefined) acknowledged.add(reply);
    const due = position > first && position % every === 0;
    if (!due || !changed) continue;
    changed = false;
    for (const loss of kinds) {
      const left = mkdtempSync(join(tmpdir(), 'berth-left-'));
      try {
        disk.materialize(left, loss);
        const what = `power lost at call ${position}, which left ${loss}`;
        await examine(join(left, folder.slice(root.length)), ledgerAt(done, acknowledged), what);
        examined += 1;
      } finally {
        rmSync(left, { recursive: true, force: true });
      }
    }
  }
  return examined;
}

describe('a power loss', { skip: await skipWithoutStrace() }, () => {
  let recording: Recording;
  before(async () => {
    recording = await record();
  });

  test('at any moment takes nothing that was acknowledged and leaves nothing half-written', async () => {
    const examined = await failAgainAndAgain(
      recording,
      mostMoments,
      losses,
      async (left, ledger, what) => {
        assert.deepEqual(problemsOf(await observeSqlite(left, 'write'), ledger), [], what);
      },
    );
    assert.ok(examined > mostMoments, `${examined} states`);
  });

  test('is survived by a server that starts on what is left', async () => {
    const { credential, planner } = recording;
    await failAgainAndAgain(recording, startsOfServer, ['nothing'], async (left, ledger, what) => {
      const server = await startServerProcess({ folder: left });
      try {
        const { state } = await observeSqlite(left, 'read');
        assert.deepEqual(ledger.settle(state), [], what);
        assert.deepEqual(await pullsFrom(server, credential, ledger, planner).all(), [], what);
      } finally {
        await server.kill();
      }
    });
  });

  for (const kind of ['a data sync', 'a folder sync', 'the sync of a commit']) {
    const skipped = {
      'a data sync': /\/uploads\/[0-9a-f]+>/,
      'a folder sync': /\/blobs\/[0-9a-f]{2}>/,
      'the sync of a commit': /berth\.sqlite-wal>/,
    }[kind];
    test(`would be noticed to take something if ${kind} were left out`, async () => {
      const moments = recording.moments.filter(
        ({ call, text }) => !(/sync$/.test(call) && skipped?.test(text)),
      );
      let noticed = 0;
      await failAgainAndAgain({ ...recording, moments }, 8, losses, async (left, ledger) => {
        const observed = await observeSqlite(left, 'write').catch(() => undefined);
        if (observed === undefined || problemsSeen(observed, ledger)) noticed += 1;
      });
      assert.ok(noticed > 0);
    });
  }
});

/** Files that are gone are problems too. */
function problemsSeen(observed: Observation, ledger: Ledger): boolean {
  try {
    return problemsOf(observed, ledger).length > 0;
  } catch {
    return true;
  }
}
