import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry, type Registry } from '#features/registry';
import { type Digest, digestOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import { openFilesystemBlobStore } from '#server/blobs/filesystem/filesystem.ts';
import type { Database } from '#server/database/database.ts';
import { openPostgresDatabase } from '#server/database/postgres/postgres-database.ts';
import { openSqliteDatabase } from '#server/database/sqlite/sqlite-database.ts';
import type { Authenticate, LoadGrants } from '#server/http/access.ts';
import { createRestApplication } from '#server/http/rest/index.ts';
import type { ProjectGrant } from '#server/permissions/decide.ts';
import { anonymous } from '#server/permissions/principals.ts';
import type { Role } from '#server/permissions/roles.ts';
import { type AdditionSource, addArtifactsRoutes } from '../index.ts';
import { projectExists } from './queries.ts';
import { addProject } from './writes.ts';

export interface Part {
  readonly mediaType: string;
  readonly bytes: Uint8Array | string;
}

export interface ImagePush {
  readonly repository: string;
  readonly tag?: string;
  readonly config?: Part;
  readonly layers?: readonly Part[];
  readonly artifactType?: string;
  readonly subject?: Digest;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface IndexPush {
  readonly repository: string;
  readonly tag?: string;
  readonly children: readonly { readonly digest: Digest; readonly platform?: object }[];
}

export interface ArtifactsServer extends AsyncDisposable {
  readonly database: Database;
  readonly registry: Registry;
  /** Tells the manifest's digest. */
  pushImage(push: ImagePush): Promise<Digest>;
  pushIndex(push: IndexPush): Promise<Digest>;
  /** @param user a role, `admin`, or undefined for nobody */
  fetch(user: Role | 'admin' | undefined, path: string, init?: RequestInit): Promise<Response>;
}

const authenticate: Authenticate = (authorization) => {
  if (authorization === undefined) return { principal: anonymous };
  const [name = ''] = Buffer.from(authorization.slice('Basic '.length), 'base64')
    .toString()
    .split(':');
  return { principal: { kind: 'user', id: 1, name } };
};

/** Every user's name is their role in every project. */
function grantsOver(database: Database): LoadGrants {
  return async (principal, names) => {
    const projects = new Map<string, ProjectGrant>();
    const user = principal.kind === 'user' ? principal.name : undefined;
    for (const name of names === 'all' ? [] : names) {
      if (!(await projectExists(database.read, name))) continue;
      const isRole = user !== undefined && user !== 'admin';
      projects.set(name, { public: false, ...(isRole && { role: user as Role }) });
    }
    return { principal, systemAdmin: user === 'admin', projects };
  };
}

const emptyConfig: Part = { mediaType: mediaTypes.oci.config, bytes: '{}' };
const pusher = { createsProjects: false, userId: null };

const writes = new URL('./writes.ts', import.meta.url);

/**
 * A server with the project `team`.
 * @param options.postgresUrl of an empty database; SQLite where it is absent
 */
export async function startArtifactsServer({
  additions = [],
  postgresUrl,
}: {
  additions?: readonly AdditionSource[];
  postgresUrl?: string;
} = {}): Promise<ArtifactsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-artifacts-'));
  const database = await (postgresUrl === undefined
    ? openSqliteDatabase({
        folder: join(folder, 'database'),
        writes,
        onFailure: (error) => {
          throw error;
        },
      })
    : openPostgresDatabase({ url: postgresUrl, writes }));
  await database.write(addProject, { name: 'team' });
  const store = await openFilesystemBlobStore({ folder: join(folder, 'blobs') });
  const loadGrants = grantsOver(database);
  const grace = 24 * 60 * 60 * 1000;
  const registry = createRegistry({ database, store, loadGrants, grace, now: Date.now });
  const application = await createRestApplication({
    refresh: database.refresh,
    authenticate,
    loadGrants,
    reportFailure: ({ error }) => console.error(error),
    version: '0',
  });
  addArtifactsRoutes(application, { database, store, additions, grace, now: Date.now });
  const origin = await application.listen({ port: 0, host: '127.0.0.1' });

  async function pushBlob(repository: string, { mediaType, bytes: content }: Part) {
    const bytes = Buffer.from(content);
    const digest = digestOf('sha256', bytes);
    const id = await registry.uploads.begin(repository);
    const source = async function* () {
      yield bytes;
    };
    await registry.uploads.finish(id, { bytes: source() }, { repository, digest, pusher });
    return { mediaType, digest, size: bytes.length };
  }

  async function pushManifest(
    repository: string,
    tag: string | undefined,
    contentType: string,
    manifest: object,
  ): Promise<Digest> {
    const bytes = Buffer.from(JSON.stringify(manifest));
    const own = digestOf('sha256', bytes);
    const { digest } = await registry.manifests.push({
      repository,
      reference: tag === undefined ? { kind: 'digest', digest: own } : { kind: 'tag', tag },
      tags: [],
      contentType,
      bytes,
      pusher,
      by: 'a test',
    });
    return digest;
  }

  return {
    database,
    registry,
    async pushImage({ repository, tag, config, layers = [], subject, ...fields }) {
      const descriptors = [];
      for (const layer of layers) descriptors.push(await pushBlob(repository, layer));
      return pushManifest(repository, tag, mediaTypes.oci.manifest, {
        schemaVersion: 2,
        config: await pushBlob(repository, config ?? emptyConfig),
        layers: descriptors,
        ...fields,
        ...(subject !== undefined && {
          subject: { mediaType: mediaTypes.oci.manifest, digest: subject, size: 1 },
        }),
      });
    },
    pushIndex: ({ repository, tag, children }) =>
      pushManifest(repository, tag, mediaTypes.oci.index, {
        schemaVersion: 2,
        manifests: children.map((child) => ({
          mediaType: mediaTypes.oci.manifest,
          size: 7,
          ...child,
        })),
      }),
    fetch: (user, path, init = {}) =>
      fetch(`${origin}/api/v2.0/projects/team/repositories${path}`, {
        ...init,
        headers: {
          ...(user !== undefined && {
            authorization: `Basic ${Buffer.from(`${user}:x`).toString('base64')}`,
          }),
          ...(init.body !== undefined && { 'content-type': 'application/json' }),
        },
      }),
    async [Symbol.asyncDispose]() {
      await application.close();
      await store.close();
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}
