import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import type { Content } from '../../features/registry/testing/content.suite.ts';
import {
  startRegistry,
  type TestRegistry,
} from '../../features/registry/testing/registry.suite.ts';
import { backup } from '../backup/backup.ts';
import { restore } from '../restore/restore.ts';
import { verify } from '../verify/verify.ts';

export type Dialect = 'sqlite' | 'postgres';
export const dialects = ['sqlite', 'postgres'] as const;

export interface Place {
  readonly data: string;
  readonly databaseUrl?: string;
}

/** Folders and databases for tests of what outlives a registry. */
export interface Bed {
  /** A path in a temporary folder, where nothing is. */
  path(name: string): string;
  /** Where nothing is either. */
  emptyPlace(dialect: Dialect): Promise<Place>;
  /** A registry that is stopped by the end of the suite at the latest. */
  start(place: Place): Promise<TestRegistry>;
}

export function withBed(subject: string, define: (bed: Bed) => void): void {
  describe(subject, { skip: skipWithoutPostgres() }, () => {
    let folder = '';
    let postgres: Postgres;
    let names = 0;
    const running = new Set<TestRegistry>();
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'berth-recovery-'));
      postgres = await startPostgres();
    });
    after(async () => {
      for (const registry of running) await registry.stop();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    const path = (name: string) => join(folder, `${name}-${++names}`);
    define({
      path,
      async emptyPlace(dialect) {
        const data = path('data');
        return dialect === 'sqlite'
          ? { data }
          : { data, databaseUrl: await postgres.createDatabase() };
      },
      async start(place) {
        const registry = await startRegistry(place);
        const started: TestRegistry = {
          ...registry,
          async stop() {
            running.delete(started);
            await registry.stop();
          },
        };
        running.add(started);
        return started;
      },
    });
  });
}

const quiet = { report: () => {} };

export function backUp(
  place: Place,
  to: string,
  {
    keep,
    secretKey = true,
    rehash = false,
  }: { keep?: number; secretKey?: boolean; rehash?: boolean } = {},
) {
  return backup({ ...place }, { to, keep, secretKey, rehash, ...quiet });
}

export function bringBack(place: Place, from: string, generation?: string) {
  return restore({ ...place }, { from, generation, ...quiet });
}

export async function expectVerified(place: Place): Promise<void> {
  const { findings } = await verify({ ...place }, { repair: false, ...quiet });
  assert.deepEqual(findings, []);
}

/** What a client can pull. */
export interface Pushed {
  readonly repository: string;
  readonly tag: string;
  readonly manifest: Content;
  readonly blobs: readonly Content[];
}

export async function pushTo(
  registry: TestRegistry,
  repository: string,
  tag: string,
): Promise<Pushed> {
  const { manifest, config, layers } = await registry.pushImage(repository, tag);
  return { repository, tag, manifest, blobs: [config, ...layers] };
}

export async function expectPullable(
  registry: TestRegistry,
  { repository, tag, manifest, blobs }: Pushed,
): Promise<void> {
  const got = await registry.call(`/v2/${repository}/manifests/${tag}`);
  assert.equal(got.status, 200, `${repository}:${tag} ${got.body}`);
  assert.deepEqual(got.body, manifest.bytes);
  for (const blob of blobs) {
    const { status, body } = await registry.call(`/v2/${repository}/blobs/${blob.digest}`);
    assert.equal(status, 200, `${repository} ${blob.digest} ${body}`);
    assert.deepEqual(body, blob.bytes);
  }
}
