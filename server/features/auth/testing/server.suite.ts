import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addProjectsRoutes, createMembershipGrants } from '#features/projects';
import { createRobots } from '#features/robots';
import { createUsers } from '#features/users';
import type { Database } from '#server/database/database.ts';
import { openPostgresDatabase } from '#server/database/postgres/postgres-database.ts';
import { sharedSecret } from '#server/database/secrets.ts';
import { openSqliteDatabase } from '#server/database/sqlite/sqlite-database.ts';
import { createRestApplication } from '#server/http/rest/index.ts';
import { type Auth, createAuth } from '../index.ts';

const writes = new URL('./writes.suite.ts', import.meta.url);

export interface OpenDatabase extends AsyncDisposable {
  readonly database: Database;
}

export async function openSqlite(): Promise<OpenDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-accounts-'));
  const database = await openSqliteDatabase({
    folder,
    writes,
    onFailure: (error) => {
      throw error;
    },
  });
  return {
    database,
    async [Symbol.asyncDispose]() {
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

export async function openPostgres(url: string): Promise<OpenDatabase> {
  const database = await openPostgresDatabase({ url, writes });
  return { database, [Symbol.asyncDispose]: () => database.close() };
}

/** Name and password. */
export type Login = readonly [string, string];

export interface Answer {
  readonly status: number;
  /** Of the status line. */
  readonly reason: string;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly form?: Record<string, string>;
  readonly headers?: Record<string, string>;
  /** Where the request seems to come from. */
  readonly address?: string;
}

/** A REST server with users, robots, projects and the token endpoint, over real HTTP. */
export interface AccountsServer extends AsyncDisposable {
  readonly database: Database;
  readonly auth: Auth;
  readonly admin: Login;
  readonly failures: unknown[];
  /** What the server takes for the time. */
  now: number;
  call(
    login: Login | undefined,
    method: string,
    path: string,
    options?: CallOptions,
  ): Promise<Answer>;
  /** Creates a user who has the password `password of NAME`. */
  addUser(name: string): Promise<{ readonly id: number; readonly login: Login }>;
  addProject(name: string, options?: { readonly public?: boolean }): Promise<number>;
  /** @param access `project:repository:pull`, `*:repository:pull` or `/:catalog:read` */
  addRobot(
    name: string,
    access: readonly string[],
    fields?: Record<string, unknown>,
  ): Promise<{ readonly id: number; readonly login: Login }>;
}

export const service = 'harbor-registry';
export const tokenPath = '/service/token';

async function startAccounts(open: () => Promise<OpenDatabase>): Promise<AccountsServer> {
  const place = await open();
  const { database } = place;
  const time = { now: Date.now() };
  const clock = () => time.now;
  const failures: unknown[] = [];
  const key = new Uint8Array(32);
  const secretOf = (name: string, create: () => Uint8Array) =>
    sharedSecret(database, key, name, create);
  const users = await createUsers({
    database,
    sharedSecret: secretOf,
    reportFailure: (error) => failures.push(error),
    clock,
  });
  const robots = await createRobots({ database, sharedSecret: secretOf, clock });
  const auth = await createAuth({
    database,
    sharedSecret: secretOf,
    verifiers: [robots.verifier, users.verifier],
    grantSources: [users.grantSource, robots.grantSource, createMembershipGrants(database)],
    service,
    clock,
  });
  const application = await createRestApplication({
    refresh: database.refresh,
    authenticate: auth.authenticate,
    loadGrants: auth.loadGrants,
    version: '0.0.0',
    reportFailure: ({ error }) => failures.push(error),
    clientAddress: ({ headers }) => String(headers['x-test-address'] ?? '127.0.0.1'),
  });
  auth.addRoutes(application);
  users.addRoutes(application);
  robots.addRoutes(application);
  addProjectsRoutes(application, database);
  const password = await users.ensureFirstAdmin({});
  if (password === undefined) throw new Error('No first admin was created');
  const admin: Login = ['admin', password];
  const origin = await application.listen({ host: '127.0.0.1', port: 0 });

  const server: AccountsServer = {
    database,
    auth,
    admin,
    failures,
    get now() {
      return time.now;
    },
    set now(moment) {
      time.now = moment;
    },
    async call(login, method, path, { body, form, headers, address } = {}) {
      const response = await fetch(`${origin}${path}`, {
        method,
        headers: {
          ...(login !== undefined && { authorization: basic(login) }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(address !== undefined && { 'x-test-address': address }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(form !== undefined && { body: new URLSearchParams(form) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        reason: response.statusText,
        headers: response.headers,
        body: text === '' ? undefined : JSON.parse(text),
      };
    },
    async addUser(name) {
      const login: Login = [name, `password of ${name}`];
      const { headers } = await created(admin, '/api/v2.0/users', {
        username: name,
        password: login[1],
      });
      return { id: idIn(headers), login };
    },
    async addProject(name, options = {}) {
      const { headers } = await created(admin, '/api/v2.0/projects', {
        project_name: name,
        metadata: { public: String(options.public ?? false) },
      });
      return idIn(headers);
    },
    async addRobot(name, access, fields = {}) {
      const permissions = access.map((text) => {
        const [namespace, resource, action] = text.split(':');
        const kind = namespace === '/' ? 'system' : 'project';
        return { kind, namespace, access: [{ resource, action }] };
      });
      const { body } = await created(admin, '/api/v2.0/robots', {
        name,
        level: 'system',
        duration: -1,
        permissions,
        ...fields,
      });
      return { id: body.id, login: [body.name, body.secret] };
    },
    async [Symbol.asyncDispose]() {
      await application.close();
      await place[Symbol.asyncDispose]();
    },
  };

  async function created(login: Login, path: string, body: unknown): Promise<Answer> {
    const answer = await server.call(login, 'POST', path, { body });
    if (answer.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer;
  }

  return server;
}

/** Makes tests of what runs on a server of its own, all of whose failures are told to clients. */
export function onAccounts(open: () => Promise<OpenDatabase>) {
  return (run: (server: AccountsServer) => Promise<void>) => async () => {
    await using server = await startAccounts(open);
    await run(server);
    assert.deepEqual(server.failures, []);
  };
}

export function basic([name, password]: Login): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

function idIn(headers: Headers): number {
  return Number(headers.get('location')?.split('/').at(-1));
}

export function sentenceOf({ body }: Answer): string {
  return body.errors[0].message;
}
