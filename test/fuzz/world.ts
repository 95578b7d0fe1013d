import { randomBytes } from 'node:crypto';
import { mediaTypes } from '#oci/media-types.ts';
import { blobOf, type Content, imageOf } from '#server/features/registry/testing/content.suite.ts';
import { chartArchive } from '#test/charts.ts';
import type { Call, Credential, Reply, ServerProcess } from '../crash/server-process.ts';
import type { RawRequest } from './raw-request.ts';

export interface Caller {
  readonly name: string;
  /** `user:token`; undefined for nobody. */
  readonly credential: Credential | undefined;
  /** Projects whose content it may read, besides public ones and those that it owns. */
  readonly reads: readonly string[];
  /** Requests that it never makes, since it would lock itself out. */
  keeps?(request: RawRequest): boolean;
}

/** A private project that no caller may change, and only some may read. */
export interface Vault {
  readonly project: string;
  readonly repository: string;
  /** Stands in its bytes, names, tags and annotations, and is never sent. */
  readonly canary: string;
  /** Its digests that callers know and try. */
  readonly digests: readonly string[];
  /** Digests that nobody ever sends. */
  readonly unknownDigests: readonly string[];
}

/** What a server under fuzz holds. */
export interface World {
  readonly callers: readonly Caller[];
  readonly vaults: readonly Vault[];
  /** The project that callers own, and may do with what they like. */
  readonly sandbox: string;
  readonly open: string;
  /** All that callers may not change, as the first admin sees it, by path. */
  observe(): Promise<ReadonlyMap<string, string>>;
  /** Puts back what callers rightly took from themselves: their accounts, tokens and sandbox. */
  mend(): Promise<World>;
  createAdmin(): Promise<Caller>;
}

type Ask = (path: string, call?: Call) => Promise<Reply>;

const password = 'fuzzers-are-for-ships-1A';
const sandbox = 'sand';
const open = 'open';

export async function createWorld(server: ServerProcess, admin: Credential): Promise<World> {
  const ask: Ask = (path, call) => server.call(admin, path, call);
  for (const user of ['alice', 'bob', 'carol']) {
    await send(ask, 'POST', '/api/v2.0/users', {
      username: user,
      password,
      email: `${user}@private.example.com`,
    });
  }
  const vaults: Vault[] = [];
  for (const project of ['alpha', 'beta']) vaults.push(await createVault(ask, project));
  const reader = await createReader(ask, 'alpha');
  await createProject(ask, open, true);
  await pushImage(ask, `${open}/hello`, 'latest', 'everybody may read this');
  await pushChart(ask, open, 'welcome');
  return standing({ server, ask, vaults, reader });
}

interface Ground {
  readonly server: ServerProcess;
  readonly ask: Ask;
  readonly vaults: readonly Vault[];
  readonly reader: Caller;
}

/** Makes the accounts and the sandbox whole, whatever was done to them. */
async function standing(ground: Ground): Promise<World> {
  const { server, ask, vaults, reader } = ground;
  const callers: Caller[] = [{ name: 'nobody', credential: undefined, reads: [] }, reader];
  for (const name of ['alice', 'bob']) {
    const id = await idOf(ask, name);
    // Ends what callers did to their own passwords; their tokens are made anew with them.
    await ask(`/api/v2.0/users/${id}/password`, jsonCall('PUT', { new_password: `${password}x` }));
    await send(ask, 'PUT', `/api/v2.0/users/${id}/password`, { new_password: password });
    callers.push({ name, credential: await tokenOf(server, name), reads: [] });
  }
  if ((await ask(`/api/v2.0/projects/${sandbox}`)).status === 404) {
    await createProject(ask, sandbox, false);
  }
  for (const username of ['alice', 'bob']) {
    // 409: a member already, by a role that it may have given itself.
    await ask(
      `/api/v2.0/projects/${sandbox}/members`,
      jsonCall('POST', { role_id: 1, member_user: { username } }),
    );
  }
  await pushImage(ask, `${sandbox}/app`, '1.0', 'the sandbox of alice and bob');
  await pushChart(ask, sandbox, 'castle');
  return {
    callers,
    vaults,
    sandbox,
    open,
    observe: () => observe(ask, vaults),
    mend: () => standing(ground),
    createAdmin: () => createAdmin(ground),
  };
}

/** Robots cannot push what they read to where others read it. */
async function createReader(ask: Ask, project: string): Promise<Caller> {
  const access = ['pull', 'read', 'list'].map((action) => ({ resource: 'repository', action }));
  const { name, secret } = JSON.parse(
    await send(ask, 'POST', '/api/v2.0/robots', {
      name: 'reader',
      level: 'project',
      duration: -1,
      permissions: [{ kind: 'project', namespace: project, access }],
    }),
  ) as { name: string; secret: string };
  return { name, credential: `${name}:${secret}`, reads: [project] };
}

async function createVault(ask: Ask, project: string): Promise<Vault> {
  const canary = `q7${randomBytes(8).toString('hex')}${project}`;
  await createProject(ask, project, false);
  await send(ask, 'POST', `/api/v2.0/projects/${project}/members`, {
    role_id: 3,
    member_user: { username: 'carol' },
  });
  await send(ask, 'POST', '/api/v2.0/robots', {
    name: `robot-${canary}`,
    level: 'project',
    description: canary,
    duration: -1,
    permissions: [
      { kind: 'project', namespace: project, access: [{ resource: 'repository', action: 'pull' }] },
    ],
  });
  const repository = `${project}/vault`;
  const known = await pushImage(ask, repository, 'known', canary);
  await pushImage(ask, repository, `tag-${canary}`, `${canary} again`);
  const unknown = await pushImage(ask, `${project}/${canary}`, 'known', `${canary} once more`);
  await pushChart(ask, project, `chart-${canary}`);
  return {
    project,
    repository,
    canary,
    digests: known.map(({ digest }) => digest),
    unknownDigests: unknown.map(({ digest }) => digest),
  };
}

async function createAdmin({ server, ask, vaults }: Ground): Promise<Caller> {
  const name = 'root';
  await send(ask, 'POST', '/api/v2.0/users', { username: name, password });
  const id = await idOf(ask, name);
  await send(ask, 'PUT', `/api/v2.0/users/${id}/sysadmin`, { sysadmin_flag: true });
  return {
    name,
    credential: await tokenOf(server, name),
    reads: vaults.map(({ project }) => project),
    keeps: ({ method, target }) =>
      method !== 'GET' && (target.includes('/users/current') || target.includes(`/users/${id}`)),
  };
}

/** The only access token from now on, as Basic authentication takes it. */
async function tokenOf(server: ServerProcess, name: string): Promise<Credential> {
  const path = '/api/v2.0/users/current/tokens';
  const list = await server.call(`${name}:${password}`, `${path}?page_size=0`);
  for (const { id } of JSON.parse(list.body.toString('utf8')) as { id: number }[]) {
    await server.call(`${name}:${password}`, `${path}/${id}`, { method: 'DELETE' });
  }
  const reply = await server.call(
    `${name}:${password}`,
    path,
    jsonCall('POST', { name: `fuzz-${randomBytes(6).toString('hex')}` }),
  );
  if (reply.status !== 201) throw new Error(`No token for ${name}: ${reply.body}`);
  const { secret } = JSON.parse(reply.body.toString('utf8')) as { secret: string };
  return `${name}:${secret}`;
}

async function createProject(ask: Ask, name: string, isPublic: boolean): Promise<void> {
  await send(ask, 'POST', '/api/v2.0/projects', {
    project_name: name,
    metadata: { public: String(isPublic) },
  });
}

async function pushImage(
  ask: Ask,
  repository: string,
  tag: string,
  secret: string,
): Promise<readonly Content[]> {
  const layer = blobOf(`layer: ${secret}`.repeat(50));
  const config = blobOf(JSON.stringify({ os: 'linux', architecture: 'amd64', secret }), {
    mediaType: mediaTypes.oci.config,
  });
  const image = imageOf(config, [layer], { annotations: { secret } });
  for (const { digest, bytes } of [layer, config]) {
    await push(ask, 'POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, bytes);
  }
  await push(ask, 'PUT', `/v2/${repository}/manifests/${tag}`, image.bytes, image.mediaType);
  return [layer, config, image];
}

async function pushChart(ask: Ask, project: string, name: string): Promise<void> {
  const reply = await ask(`/api/chartrepo/${project}/charts`, {
    method: 'POST',
    headers: { 'content-type': 'application/gzip' },
    body: chartArchive({ name, version: '1.2.3' }),
  });
  if (reply.status !== 201 && reply.status !== 409) {
    throw new Error(`No chart ${name} in ${project}: ${reply.status} ${reply.body}`);
  }
}

async function push(
  ask: Ask,
  method: string,
  path: string,
  body: Buffer,
  mediaType = 'application/octet-stream',
): Promise<void> {
  const reply = await ask(path, { method, headers: { 'content-type': mediaType }, body });
  if (reply.status !== 201) throw new Error(`${method} ${path}: ${reply.status} ${reply.body}`);
}

async function observe(ask: Ask, vaults: readonly Vault[]): Promise<ReadonlyMap<string, string>> {
  const seen = new Map<string, string>();
  const look = async (path: string) => {
    const { status, headers, body } = await ask(path);
    const type = headers['content-type'] ?? '';
    seen.set(path, `${status} ${type}\n${body.toString('latin1')}`);
    return body.toString('utf8');
  };
  for (const user of ['admin', 'carol']) {
    await look(`/api/v2.0/users/${await idOf(ask, user)}`);
  }
  const everything = JSON.parse(await look('/v2/_catalog?n=10000').catch(() => '{}'));
  seen.delete('/v2/_catalog?n=10000');
  for (const project of [...vaults.map((vault) => vault.project), open]) {
    await look(`/api/v2.0/projects/${project}`);
    await look(`/api/v2.0/projects/${project}/members?page_size=0`);
    await look(`/api/v2.0/projects/${project}/charts?page_size=0`);
    const { project_id: id } = JSON.parse(await look(`/api/v2.0/projects/${project}`));
    await look(`/api/v2.0/robots?q=Level%3Dproject%2CProjectID%3D${id}&page_size=0`);
    const names: string[] = everything.repositories.filter((name: string) =>
      name.startsWith(`${project}/`),
    );
    seen.set(`repositories of ${project}`, names.join());
    for (const name of names) await observeRepository(look, name);
  }
  return seen;
}

async function observeRepository(
  look: (path: string) => Promise<string>,
  name: string,
): Promise<void> {
  const { tags } = JSON.parse(await look(`/v2/${name}/tags/list`)) as { tags: string[] };
  for (const tag of tags) {
    const manifest = JSON.parse(await look(`/v2/${name}/manifests/${tag}`));
    await look(`/v2/${name}/referrers/${manifest.config.digest}`);
    for (const { digest } of [manifest.config, ...manifest.layers]) {
      await look(`/v2/${name}/blobs/${digest}`);
    }
  }
}

async function idOf(ask: Ask, username: string): Promise<number> {
  const { body } = await ask(`/api/v2.0/users?q=username%3D${username}`);
  const [user] = JSON.parse(body.toString('utf8')) as { user_id: number }[];
  if (user === undefined) throw new Error(`The user ${username} is gone`);
  return user.user_id;
}

async function send(ask: Ask, method: string, path: string, body: object): Promise<string> {
  const reply = await ask(path, jsonCall(method, body));
  if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.body}`);
  return reply.body.toString('utf8');
}

function jsonCall(method: string, body: object): Call {
  return {
    method,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  };
}
