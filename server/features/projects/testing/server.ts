import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CredentialVerifier, createAuth, type GrantSource } from '#features/auth';
import type { Database } from '#server/database/database.ts';
import { openPostgresDatabase } from '#server/database/postgres/postgres-database.ts';
import { sharedSecret } from '#server/database/secrets.ts';
import { openSqliteDatabase } from '#server/database/sqlite/sqlite-database.ts';
import type { LoadGrants } from '#server/http/access.ts';
import { createRestApplication } from '#server/http/rest/index.ts';
import { addProjectsRoutes, createMembershipGrants } from '../index.ts';
import { userNamed } from './queries.ts';
import { addUser } from './writes.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; undefined where it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export interface CallOptions {
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/** A REST server with projects, and users whose password is their name. */
export interface ProjectsServer extends AsyncDisposable {
  readonly database: Database;
  readonly loadGrants: LoadGrants;
  addUser(username: string, options?: { readonly admin?: boolean }): Promise<number>;
  /** @param user undefined: nobody is signed in */
  call(
    user: string | undefined,
    method: string,
    path: string,
    options?: CallOptions,
  ): Promise<Answer>;
}

export type StartProjectsServer = () => Promise<ProjectsServer>;

const writes = new URL('./writes.ts', import.meta.url);

export async function startOnSqlite(): Promise<ProjectsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-projects-'));
  const database = await openSqliteDatabase({
    folder,
    writes,
    onFailure: (error) => {
      throw error;
    },
  });
  return startProjectsServer(database, () => rm(folder, { recursive: true }));
}

export async function startOnPostgres(url: string): Promise<ProjectsServer> {
  return startProjectsServer(await openPostgresDatabase({ url, writes }), async () => undefined);
}

async function startProjectsServer(
  database: Database,
  removeFiles: () => Promise<void>,
): Promise<ProjectsServer> {
  const key = new Uint8Array(32);
  const auth = await createAuth({
    database,
    sharedSecret: (name, create) => sharedSecret(database, key, name, create),
    verifiers: [verifierOf(database)],
    grantSources: [createMembershipGrants(database), adminsOf(database)],
    service: 'test',
  });
  const application = await createRestApplication({
    refresh: database.refresh,
    authenticate: auth.authenticate,
    loadGrants: auth.loadGrants,
    reportFailure: ({ error }) => console.error(error),
    version: '0',
  });
  addProjectsRoutes(application, database);
  const origin = await application.listen({ port: 0, host: '127.0.0.1' });
  return {
    database,
    loadGrants: auth.loadGrants,
    addUser: (username, { admin = false } = {}) => database.write(addUser, { username, admin }),
    async call(user, method, path, { headers, body } = {}) {
      const response = await fetch(`${origin}/api/v2.0${path}`, {
        method,
        headers: {
          ...(user !== undefined && {
            authorization: `Basic ${Buffer.from(`${user}:${user}`).toString('base64')}`,
          }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? undefined : JSON.parse(text),
      };
    },
    async [Symbol.asyncDispose]() {
      await application.close();
      await database.close();
      await removeFiles();
    },
  };
}

function verifierOf(database: Database): CredentialVerifier {
  return {
    principalKind: 'user',
    claims: () => true,
    isGuessable: () => false,
    async verify(username, password) {
      const user = await userNamed(database.read, username);
      if (user === undefined || password !== username) return undefined;
      return { principal: { kind: 'user', id: user.id, name: username }, stamp: username };
    },
    wrong: (username) => `There is no user ${username} with that password.`,
    recall: (principal, stamp) => ({ principal, stamp }),
  };
}

function adminsOf(database: Database): GrantSource {
  return {
    async grantsOf(principal) {
      if (principal.kind !== 'user') return {};
      const user = await userNamed(database.read, principal.name);
      return { systemAdmin: user?.admin === 1 };
    },
  };
}
