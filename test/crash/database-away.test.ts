import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { blobOf, imageOf } from '#server/features/registry/testing/content.suite.ts';
import { skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { waitFor } from '#test/processes.ts';
import { senderTo, uploadBlob } from './sending.ts';
import { createCredential, startServerProcess } from './server-process.ts';

const repository = 'crash/away';

describe('a PostgreSQL that goes away', { skip: skipWithoutPostgres() }, () => {
  test('is told as a 503 with a sentence, and is found again without a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-away-'));
    const postgres = await startPostgres();
    try {
      const server = await startServerProcess({
        folder,
        databaseUrl: await postgres.createDatabase(),
      });
      try {
        const credential = await createCredential(server);
        const sender = senderTo(server, credential);
        const config = blobOf('{}');
        const image = imageOf(config, [config]);
        const path = `/v2/${repository}/manifests/v1`;
        await uploadBlob(sender, repository, config, 'post', 0);
        await sender.expect(201, 'PUT', path, image.bytes, image.mediaType);
        for (let round = 0; round < 3; round += 1) {
          await postgres.crash();
          const requests = [
            { path },
            { path: `/v2/${repository}/blobs/${config.digest}` },
            { path, method: 'PUT', body: image.bytes },
            { path, method: 'DELETE' },
            { path: `/v2/${repository}/blobs/uploads/`, method: 'POST' },
            { path: '/api/v2.0/projects' },
          ];
          for (const { path: target, ...call } of requests) {
            const { status, headers, body } = await server.call(credential, target, call);
            assert.equal(status, 503, `${target}: ${body}`);
            assert.match(body.toString('utf8'), /does not answer at present.*[Tt]ry again/);
            assert.equal(headers['retry-after'], '1');
          }
          assert.equal((await server.call(credential, '/healthz')).status, 200);
          await postgres.start();
          await waitFor(async () => (await server.call(credential, path)).status === 200, {
            what: 'pulls to work again',
          });
          const later = blobOf(`after ${round}`);
          await uploadBlob(sender, repository, later, 'chunks', 1);
          const found = await sender.expect(200, 'GET', path);
          assert.ok(found.body.equals(image.bytes));
        }
      } finally {
        await server.kill();
      }
    } finally {
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
