import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaTypes } from '#oci/media-types.ts';
import { blobOf, type Content, imageOf } from '../registry/testing/content.suite.ts';
import { expectStatus, onEveryDatabase } from '../registry/testing/registry.suite.ts';
import { collectNow } from './testing/collections.suite.ts';

const clients = 6;
const pushesOfEach = 100;

/** The same numbers in every run (mulberry32). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

onEveryDatabase(
  'what is pushed, mounted or looked for while it is being collected',
  (registry) => {
    test('is there once its manifest is acknowledged', { timeout: 240_000 }, async (context) => {
      const config = blobOf('{}', { mediaType: mediaTypes.oci.config });
      const pool = Array.from({ length: 8 }, (_, index) => blobOf(`layer ${index} of the race`));
      const repositories = ['race/one', 'race/two', 'race/three'];
      const acknowledged = new Map<string, { repository: string; manifest: Content }>();
      const counts = { skipped: 0, mounted: 0, pushed: 0, refused: 0, collections: 0, taken: 0 };
      let pushing = clients;

      async function bring(repository: string, blob: Content, source: string): Promise<void> {
        const path = `/v2/${repository}/blobs`;
        const head = await registry.call(`${path}/${blob.digest}`, { method: 'HEAD' });
        if (head.status === 200) {
          counts.skipped++;
          return;
        }
        expectStatus(head, 404);
        const mount = await registry.call(`${path}/uploads/?mount=${blob.digest}&from=${source}`, {
          method: 'POST',
        });
        if (mount.status === 201) {
          counts.mounted++;
          return;
        }
        expectStatus(mount, 202);
        const put = await registry.call(`${mount.headers.location}?digest=${blob.digest}`, {
          method: 'PUT',
          body: blob.bytes,
        });
        expectStatus(put, 201);
        counts.pushed++;
      }

      /** Again, as a client does, when the registry has taken a blob that no manifest named yet. */
      async function push(
        repository: string,
        tag: string,
        layers: readonly Content[],
        source: string,
      ) {
        const manifest = imageOf(config, layers, { annotations: { tag } });
        for (;;) {
          for (const blob of [config, ...layers]) await bring(repository, blob, source);
          const reply = await registry.pushManifest(repository, tag, manifest);
          if (reply.status === 201) return manifest;
          expectStatus(reply, 400);
          assert.match(reply.body.toString(), /MANIFEST_BLOB_UNKNOWN/);
          counts.refused++;
        }
      }

      async function client(number: number): Promise<void> {
        const below = numbersFrom(number);
        const pick = <Item>(items: readonly Item[]) => items[below(items.length)] as Item;
        for (let count = 0; count < pushesOfEach; count++) {
          const repository = pick(repositories);
          const tag = `client-${number}-${count}`;
          const layers = [...new Set([pick(pool), pick(pool)])];
          const manifest = await push(repository, tag, layers, pick(repositories));
          if (below(10) === 0) {
            acknowledged.set(tag, { repository, manifest });
            continue;
          }
          const path = `/v2/${repository}/manifests/${manifest.digest}`;
          expectStatus(await registry.call(path, { method: 'DELETE' }), 202);
        }
        pushing--;
      }

      async function collector(): Promise<void> {
        while (pushing > 0) {
          counts.taken += (await collectNow(registry)).blobs;
          counts.collections++;
          // What stays would end the race: every blob would be needed for ever.
          for (const [tag, { repository, manifest }] of acknowledged) {
            if (pushing === 0 || acknowledged.size <= 3) break;
            acknowledged.delete(tag);
            const path = `/v2/${repository}/manifests/${manifest.digest}`;
            expectStatus(await registry.call(path, { method: 'DELETE' }), 202);
          }
        }
      }

      await Promise.all([
        ...Array.from({ length: clients }, (_, number) => client(number + 1)),
        collector(),
      ]);
      context.diagnostic(JSON.stringify(counts));
      assert(counts.taken > 0 && counts.pushed > pool.length, 'nothing was collected meanwhile');

      for (const { repository, manifest } of acknowledged.values()) {
        const got = await registry.call(`/v2/${repository}/manifests/${manifest.digest}`);
        expectStatus(got, 200);
        assert(got.body.equals(manifest.bytes));
        const { layers } = JSON.parse(manifest.bytes.toString()) as {
          layers: { digest: string }[];
        };
        for (const { digest } of layers) {
          const blob = pool.find((one) => one.digest === digest);
          const reply = await registry.call(`/v2/${repository}/blobs/${digest}`);
          expectStatus(reply, 200);
          assert(blob !== undefined && reply.body.equals(blob.bytes));
        }
      }
    });
  },
  { collectionGrace: '0s' },
);
