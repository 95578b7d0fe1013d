import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Berth, type BerthReply, type Credentials, startBerth } from '#test/berth.ts';
import { createLan, type Host, type Lan } from '#test/hosts.ts';
import { aptPackages, ensureDebianPackages, ensureTools, recipes } from '#test/tools/index.ts';
import { startRelay } from './relay.ts';

export const suite = 'clients';
/** Its members alone may pull. */
export const privateProject = 'ithome';
/** Anyone may pull. */
export const publicProject = 'open';

/** Berth on one host and its clients on another, with a network between them. */
export interface Bed {
  readonly lan: Lan;
  readonly workstation: Host;
  readonly berth: Berth;
  readonly people: People;
  /**
   * Runs `use` on a wire that is cut once, when a connection has brought `bytes` to the client;
   * rejects when none did.
   * @param client the workstation by default
   */
  whileCutting(bytes: number, use: () => Promise<unknown>, client?: Host): Promise<void>;
  stop(): Promise<void>;
}

export interface People {
  readonly admin: Credentials;
  /** A developer of both projects, who may not delete. */
  readonly developer: Credentials;
  /** The developer, with an access token for a password. */
  readonly token: Credentials;
  /** May pull from the private project. */
  readonly robot: Credentials;
  /** Known, and without any right. */
  readonly stranger: Credentials;
}

export type Person = keyof People | 'nobody';

const everyone: readonly Person[] = ['admin', 'developer', 'token', 'robot', 'stranger', 'nobody'];

const registryName = 'registry.berth.test';

export async function ensureClients(): Promise<void> {
  await ensureDebianPackages([
    ...aptPackages.clients,
    'ca-certificates',
    'curl',
    'gnupg',
    'jq',
    'zstd',
  ]);
  await ensureTools(recipes.clients);
  await ensureTools(recipes['helm-3.3']);
}

export async function startBed(): Promise<Bed> {
  await ensureClients();
  const lan = await createLan(suite, 78);
  try {
    const [registry, workstation] = await Promise.all([
      lan.addHost({ name: 'registry', number: 2 }),
      lan.addHost({ name: 'workstation', number: 3 }),
    ]);
    await lan.resolve({ [registryName]: registry.address });
    const berth = await startBerth(registry, {
      url: `https://${registryName}`,
      adminPassword: 'ships-need-berths',
    });
    const { helm3, helm4, crane, oras, regctl, cosign } = await ensureTools(recipes.clients);
    const { helm33 } = await ensureTools(recipes['helm-3.3']);
    await workstation.install({
      ...{ 'helm-3.3': helm33, 'helm-3.22': helm3, 'helm-4.3': helm4 },
      ...{ crane, oras, regctl, cosign },
    });
    await giveFolders(workstation);
    // Where anyone can find it, and nobody trusts it yet.
    await writeFile(join(workstation.home, 'ca.crt'), berth.authority);
    return {
      lan,
      workstation,
      berth,
      people: await invite(berth),
      whileCutting: async (bytes, use, client = workstation) => {
        const relay = await startRelay(lan.gateway, registry.address, bytes);
        // Not by another address for the name: a daemon remembers the old one for a while.
        const detour = `OUTPUT --destination ${registry.address} --protocol tcp --dport 443 --jump DNAT --to-destination ${lan.gateway}`;
        await client.shell(`iptables --table nat --append ${detour}`);
        try {
          await use();
        } finally {
          await client.shell(`iptables --table nat --delete ${detour}`);
          await relay.close();
        }
        assert.ok(relay.wasCut, 'no connection was cut');
      },
      stop: () => lan.stop(),
    };
  } catch (error) {
    await lan.stop();
    throw error;
  }
}

/** Where each person's clients keep who they are signed in as. */
export function folderOf({ home }: Host, person: Person): string {
  return join(home, 'people', person);
}

/** podman and its like fail when the file that they are told of is not there. */
async function giveFolders(host: Host): Promise<void> {
  for (const person of everyone) {
    await mkdir(folderOf(host, person), { recursive: true });
    await writeFile(join(folderOf(host, person), 'containers.json'), '{}');
  }
}

/** Creates the projects and everyone who takes part. */
async function invite(berth: Berth): Promise<People> {
  const { admin } = berth;
  const developer = { username: 'dora', password: 'dora-loads-the-ships' };
  const stranger = { username: 'sam', password: 'sam-only-looks-on' };
  await Promise.all([
    ...[developer, stranger].map((person) =>
      create(berth, admin, 'users', { ...person, email: `${person.username}@berth.test` }),
    ),
    ...[privateProject, publicProject].map((project_name) =>
      create(berth, admin, 'projects', {
        project_name,
        metadata: { public: String(project_name === publicProject) },
      }),
    ),
  ]);
  for (const project of [privateProject, publicProject]) {
    await create(berth, admin, `projects/${project}/members`, {
      role_id: 2,
      member_user: { username: developer.username },
    });
  }
  const { secret } = await create(berth, developer, 'users/current/tokens', { name: 'laptop' });
  const robot = await create(berth, admin, 'robots', {
    name: 'puller',
    level: 'project',
    duration: -1,
    permissions: [
      {
        kind: 'project',
        namespace: privateProject,
        access: [{ resource: 'repository', action: 'pull' }],
      },
    ],
  });
  return {
    admin,
    developer,
    stranger,
    token: { username: developer.username, password: String(secret) },
    robot: { username: String(robot.name), password: String(robot.secret) },
  };
}

async function create(
  berth: Berth,
  as: Credentials,
  what: string,
  body: object,
): Promise<Record<string, unknown>> {
  const reply = await berth.request(`/api/v2.0/${what}`, { method: 'POST', as, body });
  assert.equal(reply.status, 201, textOf(reply));
  return reply.body.length === 0 ? {} : JSON.parse(textOf(reply));
}

function textOf({ body }: BerthReply): string {
  return body.toString('utf8');
}

/** Gives a Debian machine an authority for all programs that ask the system. */
export async function trustInSystem({ workstation, berth }: Bed): Promise<void> {
  await workstation.write('/usr/local/share/ca-certificates/berth.crt', berth.authority);
  await workstation.exec('update-ca-certificates');
}
