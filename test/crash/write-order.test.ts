import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blobOf, imageOf } from '#server/features/registry/testing/content.suite.ts';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import {
  type Moment,
  readMoments,
  skipWithoutStrace,
  straceCommand,
  stringsOf,
} from '#test/trace.ts';
import { senderTo, uploadBlob } from './sending.ts';
import { createCredential, startServerProcess } from './server-process.ts';
import {
  checkBlob,
  checkEverySqliteCommit,
  checkManifest,
  checkNewFolders,
  type Verdict,
} from './write-order.ts';

const calls = [
  ...['openat', 'mkdir', 'mkdirat', 'fsync', 'fdatasync', 'rename', 'renameat', 'renameat2'],
  ...['pwrite64', 'write', 'writev', 'sendto', 'sendmsg', 'read', 'recvfrom'],
];

type Check = (moments: readonly Moment[]) => Verdict;

interface Recording {
  readonly root: string;
  readonly moments: readonly Moment[];
}

/** Records what a new server does for one client that pushes blobs and an image, and deletes a blob. */
async function record(databaseUrl?: string): Promise<Recording> {
  const root = mkdtempSync(join(tmpdir(), 'berth-order-'));
  const log = join(root, 'strace.log');
  try {
    const server = await startServerProcess({
      // None of them is there yet.
      folder: join(root, 'new', 'folders', 'data'),
      under: straceCommand(log, calls, 4096),
      ...(databaseUrl === undefined ? {} : { databaseUrl }),
    });
    try {
      await push(server);
    } finally {
      await server.kill('SIGTERM');
    }
    return { root, moments: readMoments(log) };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function push(server: Awaited<ReturnType<typeof startServerProcess>>): Promise<void> {
  const credential = await createCredential(server);
  const repository = 'crash/order';
  const config = blobOf('{"config":1}');
  const layer = blobOf(40_000);
  const loose = blobOf('nobody needs it');
  const image = imageOf(config, [layer]);
  await uploadBlob(
    senderTo(server, credential, () => 'whole-blob'),
    repository,
    config,
    'post',
    0,
  );
  let requests = 0;
  const chunked = senderTo(server, credential, () => {
    requests += 1;
    return `chunked-blob-${requests}`;
  });
  await uploadBlob(chunked, repository, layer, 'chunks', 10_000);
  await uploadBlob(senderTo(server, credential), repository, loose, 'put', 0);
  const deleting = senderTo(server, credential, () => 'deletion');
  await deleting.expect(202, 'DELETE', `/v2/${repository}/blobs/${loose.digest}`);
  const pushing = senderTo(server, credential, () => 'image');
  const path = `/v2/${repository}/manifests/v1`;
  await pushing.expect(201, 'PUT', path, image.bytes, image.mediaType);
}

function stepsOf(verdict: Verdict): string[] {
  assert.ok('steps' in verdict, 'objection' in verdict ? verdict.objection : '');
  return verdict.steps.map(({ what }) => what);
}

/** The check objects when any of its steps is taken out of the trace, or done after the reply. */
function assertEveryStepIsNeeded(check: Check, moments: readonly Moment[], reply: string): void {
  const verdict = check(moments);
  assert.ok('steps' in verdict);
  for (const { what, moments: positions } of verdict.steps) {
    const taken = moments.filter((_, position) => positions.includes(position));
    const without = moments.filter((_, position) => !positions.includes(position));
    assert.ok('objection' in check(without), `nobody missed the ${what}`);
    const late = [...without, ...taken];
    assert.ok('objection' in check(late), `nobody noticed that the ${what} came late for ${reply}`);
  }
}

const blobSteps = ['data sync', 'rename', 'folder sync', 'folder sync'];
const lastChunk = 'chunked-blob-3';

describe('with SQLite', { skip: await skipWithoutStrace() }, () => {
  let recording: Recording;
  before(async () => {
    recording = await record();
  });
  const commitSteps = ['commit', 'sync of the commit'];

  test('a blob is synced, renamed, its folders synced, committed, and then acknowledged', () => {
    for (const id of ['whole-blob', lastChunk]) {
      const check: Check = (moments) => checkBlob(moments, id);
      assert.deepEqual(stepsOf(check(recording.moments)), [...blobSteps, ...commitSteps]);
      assertEveryStepIsNeeded(check, recording.moments, id);
    }
  });

  test('a manifest, and the deletion of a blob, are committed and then acknowledged', () => {
    for (const id of ['image', 'deletion']) {
      const check: Check = (moments) => checkManifest(moments, id);
      assert.deepEqual(stepsOf(check(recording.moments)), commitSteps);
      assertEveryStepIsNeeded(check, recording.moments, id);
    }
  });

  test('every new folder, and each new parent of it, is synced before anything is acknowledged', () => {
    const check: Check = (moments) => checkNewFolders(moments, recording.root, 'whole-blob');
    const steps = stepsOf(check(recording.moments));
    assert.ok(steps.length > 256, `${steps.length} folders`);
    for (const parent of ['', '/new', '/new/folders', '/new/folders/data']) {
      assert.ok(steps.includes(`sync of ${recording.root}${parent}`), parent);
    }
  });

  test('every connection that commits durable rows syncs each commit at once', () => {
    const steps = stepsOf(checkEverySqliteCommit(recording.moments));
    assert.ok(steps.length >= 5, `${steps.length} commits`);
    assertEveryStepIsNeeded(checkEverySqliteCommit, recording.moments, 'any commit');
  });

  test('nothing is written outside the data folder, where a container may be read-only', () => {
    const made = recording.moments
      .filter(({ call, phase, text }) => {
        return call === 'openat' && phase === 'end' && text.includes('O_CREAT');
      })
      .map((moment) => String(stringsOf(moment)[0]));
    assert.ok(made.length > 5, `${made.length} files`);
    assert.deepEqual(
      made.filter((path) => !path.startsWith(recording.root)),
      [],
    );
  });
});

const skipPostgres = (await skipWithoutStrace()) || skipWithoutPostgres();

describe('with PostgreSQL', { skip: skipPostgres }, () => {
  let postgres: Postgres;
  let recording: Recording;
  before(async () => {
    postgres = await startPostgres();
    recording = await record(await postgres.createDatabase());
  });
  after(() => postgres?.stop());
  const commitSteps = ['commit', 'answer to the commit'];

  test('a blob is synced, renamed, its folders synced, committed, and then acknowledged', () => {
    for (const id of ['whole-blob', lastChunk]) {
      const check: Check = (moments) => checkBlob(moments, id);
      assert.deepEqual(stepsOf(check(recording.moments)), [...blobSteps, ...commitSteps]);
      assertEveryStepIsNeeded(check, recording.moments, id);
    }
  });

  test('a manifest is committed and then acknowledged', () => {
    const check: Check = (moments) => checkManifest(moments, 'image');
    assert.deepEqual(stepsOf(check(recording.moments)), commitSteps);
    assertEveryStepIsNeeded(check, recording.moments, 'image');
  });
});
