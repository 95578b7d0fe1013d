import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { verify } from '#server/app/verify/verify.ts';
import { startServer } from '#test/server.ts';
import { imageOf } from '../clients.ts';
import { generateRegistry } from './generate.ts';
import type { Plan } from './plan.ts';

const plan: Plan = {
  project: 'bench',
  repositories: 3,
  manifests: 7,
  tags: 20,
  layers: 2,
  blobs: 'distinct',
  garbage: 5,
};

/** What holds of generated registries on either database. */
export function generatorSuite(createDatabase: () => Promise<string | undefined>): void {
  test('a server serves what was generated, and verify finds it clean', async (t) => {
    const { dataFolder, databaseUrl } = await emptyTarget(t, createDatabase);
    const target = { dataFolder, databaseUrl };
    const shared: Plan = { ...plan, project: 'shared', blobs: 'shared', garbage: 0 };
    await generateRegistry(target, [plan, shared]);
    const settings = { data: dataFolder, ...(databaseUrl !== undefined && { databaseUrl }) };
    const server = await startServer(settings);
    try {
      const as = server.admin;
      const { repositories } = (await server.request('/v2/_catalog', { as })).json() as {
        repositories: string[];
      };
      assert.deepEqual(
        repositories,
        ['bench', 'shared'].flatMap((project) => [0, 1, 2].map((n) => `${project}/app-${n}`)),
      );
      for (const repository of repositories) {
        const listed = await server.request(`/v2/${repository}/tags/list`, { as });
        const { tags } = listed.json() as { tags: string[] };
        assert.ok(tags.length === 6 || tags.length === 7);
        for (const tag of tags) {
          const { status, body } = await server.request(`/v2/${repository}/manifests/${tag}`, {
            as,
            headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
          });
          assert.equal(status, 200);
          const { config, layers } = JSON.parse(body.toString('utf8'));
          assert.equal(layers.length, 2);
          for (const { digest, size } of [config, ...layers]) {
            const blob = await server.request(`/v2/${repository}/blobs/${digest}`, { as });
            assert.deepEqual([blob.status, blob.body.length], [200, size]);
          }
        }
      }
      // What a push adds to it is no different.
      const { layer } = imageOf(100);
      const pushed = await server.request(`/v2/bench/app-0/blobs/uploads/?digest=${layer.digest}`, {
        as,
        method: 'POST',
        body: layer.bytes,
      });
      assert.equal(pushed.status, 201);
    } finally {
      await server.stop();
    }
    const report = await verify(settings, { repair: false, report: () => {} });
    assert.deepEqual(report.findings, []);
    assert.deepEqual(report.orphans.files, 0);
    assert.equal(report.manifests, 14);
    // Each of seven images has three; the others share three; five and one that nothing needs.
    assert.equal(report.blobs, 7 * 3 + 3 + 5 + 1);
  });

  test('a registry that is there is not generated over', async (t) => {
    const target = await emptyTarget(t, createDatabase);
    await generateRegistry(target, [plan]);
    await assert.rejects(generateRegistry(target, [plan]), /holds a registry already/);
  });
}

async function emptyTarget(
  t: { after(end: () => void): void },
  createDatabase: () => Promise<string | undefined>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'berth-generate-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { dataFolder: join(folder, 'data'), databaseUrl: await createDatabase() };
}
