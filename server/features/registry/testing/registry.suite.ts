import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { decodeJwt, type JWTPayload, SignJWT } from 'jose';
import { mediaTypes } from '#oci/media-types.ts';
import { secretKeyOf } from '#server/config/secret-key.ts';
import type { Database } from '#server/database/database.ts';
import { openPostgresDatabase } from '#server/database/postgres/postgres-database.ts';
import { sharedSecret } from '#server/database/secrets.ts';
import { openSqliteDatabase } from '#server/database/sqlite/sqlite-database.ts';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { type Reply, type RequestOptions, startServer, type TestServer } from '#test/server.ts';
import { blobOf, type Content, imageOf } from './content.suite.ts';

export interface Image {
  readonly manifest: Content;
  readonly config: Content;
  readonly layers: readonly Content[];
}

/** A whole server, and what the registry's tests do with it again and again. */
export interface TestRegistry {
  readonly server: TestServer;
  /** Where it keeps its data, as settings. */
  readonly storage: { readonly data: string; readonly databaseUrl?: string };
  /** As the admin, unless `options` say otherwise. */
  call(path: string, options?: RequestOptions): Promise<Reply>;
  /** Without credentials, unless `options` say otherwise. */
  request(path: string, options?: RequestOptions): Promise<Reply>;
  /** A name that no test has used. Its project is created with the first push. */
  repository(project?: string): string;
  /** Opens an upload, and tells its path. */
  beginUpload(repository: string, options?: RequestOptions): Promise<string>;
  pushBlob<Blob extends Content>(repository: string, blob: Blob): Promise<Blob>;
  pushManifest(repository: string, reference: string, manifest: Content): Promise<Reply>;
  /** A small image of its own, under a tag. */
  pushImage(repository: string, tag: string): Promise<Image>;
  /** @param as nobody, for an anonymous token */
  token(scope: string, as?: string): Promise<string>;
  /** A token that the server's own key signs, whatever it says. */
  sign(claims: JWTPayload, type?: string): Promise<string>;
  /** The same token, expired `seconds` ago. */
  expire(token: string, seconds: number): Promise<string>;
  /** Creates a user, and tells `name:password`. */
  addUser(name: string): Promise<string>;
  addProject(name: string, options?: { readonly public?: boolean }): Promise<void>;
  addMember(project: string, user: string, role: keyof typeof roleIds): Promise<void>;
  /** A second connection to the server's own database. */
  database(): Promise<Database>;
  stop(): Promise<void>;
}

const roleIds = { maintainer: 4, developer: 2, guest: 3 };
const writes = new URL('./writes.suite.ts', import.meta.url);

/** Runs the same tests on a whole server with each database. */
export function onEveryDatabase(
  subject: string,
  define: (registry: TestRegistry) => void,
  settings: Parameters<typeof startServer>[0] = {},
): void {
  describe(`${subject}, on SQLite`, () => define(duringTests(() => startRegistry(settings))));
  describe(`${subject}, on PostgreSQL`, { skip: skipWithoutPostgres() }, () => {
    let postgres: Postgres;
    before(async () => {
      postgres = await startPostgres();
    });
    define(duringTests(() => startRegistry({ ...settings, databaseUrl: postgres.url })));
    after(() => postgres.stop());
  });
}

/** A registry that is there while the tests of a suite run. */
function duringTests(start: () => Promise<TestRegistry>): TestRegistry {
  let running: TestRegistry | undefined;
  before(async () => {
    running = await start();
  });
  after(() => running?.stop());
  return new Proxy({} as TestRegistry, {
    get: (_, name) => {
      assert.ok(running, 'the registry runs during tests only');
      return Reflect.get(running, name);
    },
  });
}

export async function startRegistry(
  settings: Parameters<typeof startServer>[0] = {},
): Promise<TestRegistry> {
  const { databaseUrl } = settings;
  const server = await startServer(settings);
  let opened: Promise<Database> | undefined;
  let names = 0;

  const database = () => {
    opened ??=
      databaseUrl === undefined
        ? openSqliteDatabase({
            folder: join(server.folder, 'database'),
            writes,
            onFailure: (error) => {
              throw error;
            },
          })
        : openPostgresDatabase({ url: databaseUrl, writes });
    return opened;
  };

  const registry: TestRegistry = {
    server,
    storage: { data: server.folder, ...(databaseUrl !== undefined && { databaseUrl }) },
    database,
    request: server.request,
    call: (path, options = {}) =>
      server.request(
        path,
        options.token === undefined ? { as: server.admin, ...options } : options,
      ),

    repository(project = 'team') {
      names += 1;
      return `${project}/app-${names}`;
    },

    async beginUpload(repository, options = {}) {
      const reply = await registry.call(`/v2/${repository}/blobs/uploads/`, {
        method: 'POST',
        ...options,
      });
      expectStatus(reply, 202);
      return reply.headers.location ?? '';
    },

    async pushBlob(repository, blob) {
      const reply = await registry.call(`/v2/${repository}/blobs/uploads/?digest=${blob.digest}`, {
        method: 'POST',
        body: blob.bytes,
      });
      expectStatus(reply, 201);
      return blob;
    },

    pushManifest: (repository, reference, { bytes, mediaType }) =>
      registry.call(`/v2/${repository}/manifests/${reference}`, {
        method: 'PUT',
        headers: { 'content-type': mediaType },
        body: bytes,
      }),

    async pushImage(repository, tag) {
      const config = blobOf(64, { mediaType: mediaTypes.oci.config });
      const layers = [blobOf(256), blobOf(128)];
      for (const blob of [config, ...layers]) await registry.pushBlob(repository, blob);
      const manifest = imageOf(config, layers);
      expectStatus(await registry.pushManifest(repository, tag, manifest), 201);
      return { manifest, config, layers };
    },

    async token(scope, as) {
      const path = `/service/token?service=harbor-registry&scope=${encodeURIComponent(scope)}`;
      const reply = await server.request(path, as === undefined ? {} : { as });
      expectStatus(reply, 200);
      return (reply.json() as { token: string }).token;
    },

    async sign(claims, type = 'at+jwt') {
      const secretKey = secretKeyOf(server.folder);
      const key = await sharedSecret(await database(), secretKey, 'registry-tokens', () => {
        throw new Error('the server has no key for its tokens');
      });
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', typ: type })
        .sign(createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' }));
    },

    expire(token, seconds) {
      const end = Math.floor(Date.now() / 1000) - seconds;
      return registry.sign({ ...decodeJwt(token), iat: end - 900, exp: end });
    },

    async addUser(username) {
      const password = `password-of-${username}`;
      await create('/api/v2.0/users', { username, password });
      return `${username}:${password}`;
    },

    addProject: (name, options = {}) =>
      create('/api/v2.0/projects', {
        project_name: name,
        metadata: { public: String(options.public ?? false) },
      }),

    addMember: (project, username, role) =>
      create(`/api/v2.0/projects/${project}/members`, {
        role_id: roleIds[role],
        member_user: { username },
      }),

    async stop() {
      await (await opened)?.close();
      await server.stop();
    },
  };

  async function create(path: string, body: unknown): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const reply = await registry.call(path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    expectStatus(reply, 201);
  }

  return registry;
}

export function expectStatus(reply: Reply, status: number): void {
  assert.equal(reply.status, status, reply.body.toString('utf8').slice(0, 500));
}

/** Checks a refusal of the distribution specification, and returns its sentence. */
export function expectRefusal(reply: Reply, status: number, code: string): string {
  expectStatus(reply, status);
  assert.equal(reply.headers['content-type'], 'application/json');
  const { errors } = reply.json() as { errors: { code: string; message: string }[] };
  assert.equal(errors.length, 1);
  assert.equal(errors[0]?.code, code);
  const message = errors[0]?.message ?? '';
  assert.match(message, /^\S.{10,}/s);
  return message;
}
