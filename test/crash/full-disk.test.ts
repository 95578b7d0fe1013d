import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { blobOf, imageOf } from '#server/features/registry/testing/content.suite.ts';
import { observeSqlite } from './observe-queries.ts';
import { senderTo, UnexpectedReply, uploadBlob } from './sending.ts';
import { createCredential, type ServerProcess, startServerProcess } from './server-process.ts';
import { mountSmallDisk, skipWithoutMounts } from './small-disk.ts';

const repository = 'crash/full';
const mebibyte = 1024 * 1024;

/** A server whose data folder, or only its database, lies on a small disk. */
async function withSmallDisk(
  where: 'data' | 'database',
  use: (server: ServerProcess, credential: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-full-'));
  mkdirSync(join(folder, 'database'));
  const small = await mountSmallDisk(
    where === 'data' ? folder : join(folder, 'database'),
    where === 'data' ? 24 * mebibyte : 8 * mebibyte,
  );
  try {
    let server = await startServerProcess({ folder });
    try {
      const credential = await createCredential(server);
      const image = await pushImage(server, credential, 'before');
      small.fill();
      await use(server, credential, folder);
      await assertPulls(server, credential, 'before', image);
      // A crash on a full disk takes nothing either.
      await server.kill();
      small.makeSpace();
      server = await startServerProcess({ folder });
      small.fill();
      await assertPulls(server, credential, 'before', image);
      await use(server, credential, folder);
      small.makeSpace();
      const later = await pushImage(server, credential, 'after');
      await assertPulls(server, credential, 'after', later);
      await assertPulls(server, credential, 'before', image);
    } finally {
      await server.kill();
    }
    const { problems, state } = await observeSqlite(folder, 'write');
    assert.deepEqual(problems, []);
    assert.deepEqual([...state.keys()].filter((key) => key.startsWith('tag ')).sort(), [
      `tag ${repository} after`,
      `tag ${repository} before`,
    ]);
  } finally {
    await small[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Image = Awaited<ReturnType<typeof pushImage>>;

async function pushImage(server: ServerProcess, credential: string, tag: string) {
  const sender = senderTo(server, credential);
  const config = blobOf(JSON.stringify({ tag }));
  const layer = blobOf(100_000);
  for (const blob of [config, layer]) await uploadBlob(sender, repository, blob, 'chunks', 10);
  const manifest = imageOf(config, [layer]);
  const path = `/v2/${repository}/manifests/${tag}`;
  await sender.expect(201, 'PUT', path, manifest.bytes, manifest.mediaType);
  return { manifest, blobs: [config, layer] };
}

async function assertPulls(
  server: ServerProcess,
  credential: string,
  tag: string,
  { manifest, blobs }: Image,
): Promise<void> {
  const found = await server.call(credential, `/v2/${repository}/manifests/${tag}`);
  assert.ok(found.body.equals(manifest.bytes), `${found.status} ${found.body}`);
  for (const { digest, bytes } of blobs) {
    const { body } = await server.call(credential, `/v2/${repository}/blobs/${digest}`);
    assert.ok(body.equals(bytes));
  }
}

/** Pushes until the disk is full; the refusal must be a 507 with a sentence. */
async function assertRefused(push: () => Promise<unknown>): Promise<void> {
  for (let count = 0; count < 400; count += 1) {
    try {
      await push();
    } catch (error) {
      assert.ok(error instanceof UnexpectedReply, String(error));
      assert.equal(error.status, 507, error.message);
      assert.match(error.message, /no space left.*then (?:push|try) again/);
      return;
    }
  }
  assert.fail('the disk never became full');
}

describe('a full disk', { skip: await skipWithoutMounts() }, () => {
  test('refuses pushes by a sentence, serves pulls, and recovers by itself', async () => {
    await withSmallDisk('data', async (server, credential) => {
      const sender = senderTo(server, credential);
      for (const way of ['post', 'put', 'chunks'] as const) {
        await assertRefused(() =>
          uploadBlob(sender, repository, blobOf(2 * mebibyte), way, mebibyte),
        );
      }
    });
  });

  test('of the database alone does so too, and keeps the manifests that it acknowledged', async () => {
    await withSmallDisk('database', async (server, credential) => {
      const sender = senderTo(server, credential);
      await assertRefused(async () => {
        const manifest = imageOf(blobOf('{}'), [], {
          subject: imageOf(blobOf('{}'), []),
          annotations: { filling: blobOf(30_000).bytes.toString('hex') },
        });
        const path = `/v2/${repository}/manifests/${manifest.digest}`;
        await sender.expect(201, 'PUT', path, manifest.bytes, manifest.mediaType);
      });
    });
  });
});
