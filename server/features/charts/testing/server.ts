import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry, type Registry } from '#features/registry';
import { Refusal } from '#lib/errors.ts';
import { digestOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import { openFilesystemBlobStore } from '#server/blobs/filesystem/filesystem.ts';
import type { Database } from '#server/database/database.ts';
import { openPostgresDatabase } from '#server/database/postgres/postgres-database.ts';
import { openSqliteDatabase } from '#server/database/sqlite/sqlite-database.ts';
import { createOutbox, type Outbox, type OutboxFailure } from '#server/events/outbox.ts';
import type { Authenticate, LoadGrants } from '#server/http/access.ts';
import { createRestApplication } from '#server/http/rest/index.ts';
import type { ProjectGrant } from '#server/permissions/decide.ts';
import { anonymous } from '#server/permissions/principals.ts';
import type { Role } from '#server/permissions/roles.ts';
import { createCharts } from '../index.ts';
import { isPublic } from './queries.ts';
import { addProject, addUser } from './writes.ts';

export interface Layer {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface ChartsServer extends AsyncDisposable {
  readonly database: Database;
  readonly store: BlobStore;
  readonly registry: Registry;
  readonly outbox: Outbox;
  readonly failures: readonly OutboxFailure[];
  readonly origin: string;
  addProject(name: string, options?: { readonly public?: boolean }): Promise<number>;
  /** Pushes an artifact whose config is a chart's, and has it read. Tells the manifest's digest. */
  push(repository: string, tag: string, layers: readonly Layer[]): Promise<string>;
  /** Pushes a chart as Helm does since 3.7, and has it read. */
  pushChart(repository: string, tag: string, archive: Uint8Array): Promise<string>;
  /** @param user a role, `admin`, or undefined for nobody */
  fetch(user: Role | 'admin' | undefined, path: string, init?: RequestInit): Promise<Response>;
}

const userId = 1;

/** Every user's name is their role in every project; the password does not matter. */
const authenticate: Authenticate = (authorization) => {
  if (authorization === undefined) return { principal: anonymous };
  const [name] = Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':');
  if (name === undefined || name === '') throw new Refusal('unauthenticated', 'Nobody.');
  return { principal: { kind: 'user', id: userId, name } };
};

function grantsOver(database: Database): LoadGrants {
  return async (principal, names) => {
    const projects = new Map<string, ProjectGrant>();
    const user = principal.kind === 'user' ? principal.name : undefined;
    for (const name of names === 'all' ? [] : names) {
      const visible = await isPublic(database.read, name);
      if (visible === undefined) continue;
      const role = user === undefined || user === 'admin' ? {} : { role: user as Role };
      projects.set(name, { public: visible, ...role });
    }
    return { principal, systemAdmin: user === 'admin', projects };
  };
}

const writes = new URL('./writes.ts', import.meta.url);

/** @param postgresUrl of an empty database; SQLite where it is absent */
export async function startChartsServer(postgresUrl?: string): Promise<ChartsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-charts-'));
  const database = await (postgresUrl === undefined
    ? openSqliteDatabase({
        folder: join(folder, 'database'),
        writes,
        onFailure: (error) => {
          throw error;
        },
      })
    : openPostgresDatabase({ url: postgresUrl, writes }));
  await database.write(addUser, { id: userId });
  const store = await openFilesystemBlobStore({ folder: join(folder, 'blobs') });
  const loadGrants = grantsOver(database);
  const grace = 24 * 60 * 60 * 1000;
  const registry = createRegistry({ database, store, loadGrants, grace, now: Date.now });
  const charts = createCharts({ database, store, registry, grace, now: Date.now });
  const failures: OutboxFailure[] = [];
  const outbox = createOutbox({
    database,
    subscribers: [charts.subscriber],
    report: (failure) => failures.push(failure),
    now: Date.now,
  });
  const application = await createRestApplication({
    refresh: database.refresh,
    authenticate,
    loadGrants,
    reportFailure: ({ error }) => console.error(error),
    version: '0',
  });
  charts.addRoutes(application);
  const origin = await application.listen({ port: 0, host: '127.0.0.1' });

  async function push(repository: string, tag: string, layers: readonly Layer[]) {
    const pusher = { createsProjects: false, userId: null };
    const config = { mediaType: mediaTypes.helm.config, bytes: Buffer.from('{}') };
    const descriptors = [];
    for (const { mediaType, bytes } of [config, ...layers]) {
      const digest = digestOf('sha256', bytes);
      const id = await registry.uploads.begin(repository);
      const source = async function* () {
        yield bytes;
      };
      await registry.uploads.finish(id, { bytes: source() }, { repository, digest, pusher });
      descriptors.push({ mediaType, digest, size: bytes.length });
    }
    const manifest = {
      schemaVersion: 2,
      config: descriptors[0],
      layers: descriptors.slice(1),
    };
    const { digest } = await registry.manifests.push({
      repository,
      reference: { kind: 'tag', tag },
      tags: [],
      contentType: mediaTypes.oci.manifest,
      bytes: Buffer.from(JSON.stringify(manifest)),
      pusher,
      by: 'a test',
    });
    await outbox.settled();
    return digest;
  }

  return {
    database,
    store,
    registry,
    outbox,
    failures,
    origin,
    addProject: (name, options = {}) =>
      database.write(addProject, { name, public: options.public ?? false }),
    push,
    pushChart: (repository, tag, archive) =>
      push(repository, tag, [{ mediaType: mediaTypes.helm.chart, bytes: archive }]),
    fetch: (user, path, init = {}) =>
      fetch(`${origin}${path}`, {
        ...init,
        headers: {
          ...(user !== undefined && {
            authorization: `Basic ${Buffer.from(`${user}:x`).toString('base64')}`,
          }),
          ...(init.headers as Record<string, string> | undefined),
        },
      }),
    async [Symbol.asyncDispose]() {
      await application.close();
      await outbox.stop();
      await store.close();
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}
