import type { Random } from '#test/random.ts';
import { isWhole, type RawRequest } from './raw-request.ts';
import { oneOf } from './values.ts';
import { replyHeader, type WireReply } from './wire.ts';
import type { World } from './world.ts';

/** What requests may name: of the world, and what replies told. */
export interface Pool {
  readonly projects: readonly string[];
  readonly repositories: string[];
  readonly digests: string[];
  readonly tags: string[];
  /** Paths of uploads under way, of all callers. */
  readonly uploads: string[];
  /** Numbers that name users, robots, members and tokens. */
  readonly ids: string[];
  learn(request: RawRequest, reply: WireReply): void;
}

const mostLearnt = 60;

export function createPool({ vaults, sandbox, open }: World): Pool {
  const vaultProjects = vaults.map(({ project }) => project);
  const pool = {
    projects: [sandbox, sandbox, sandbox, open, ...vaultProjects, 'absent', 'fresh'],
    repositories: [
      `${sandbox}/app`,
      `${sandbox}/other`,
      `${open}/hello`,
      ...vaults.map(({ repository }) => repository),
    ],
    digests: vaults.flatMap(({ digests }) => digests),
    tags: ['latest', '1.0', 'known', '1.2.3'],
    uploads: [] as string[],
    ids: [] as string[],
  };
  const remember = (list: string[], item: string, random = Math.min(list.length, 10)) => {
    if (list.includes(item)) return;
    list.push(item);
    // What the world began with stays.
    if (list.length > mostLearnt) list.splice(random, 1);
  };
  return {
    ...pool,
    learn(request, reply) {
      if (reply.status >= 300 || !isWhole(request)) return;
      const location = replyHeader(reply, 'location');
      if (location?.includes('/blobs/uploads/')) {
        remember(pool.uploads, location.replace(/^https?:\/\/[^/]+/, ''), 0);
      }
      const id = /\/(\d+)$/.exec(location ?? '')?.[1];
      if (id !== undefined) remember(pool.ids, id, 0);
      const digest = replyHeader(reply, 'docker-content-digest');
      if (digest !== undefined) remember(pool.digests, digest);
    },
  };
}

/** What a field or parameter of that name would rightly hold, as JSON has it without quotes. */
export function knownFor(random: Random, pool: Pool, name: string): string | undefined {
  const plain = name.toLowerCase().replaceAll('_', '');
  if (/project(name)?$|namespace/.test(plain)) return oneOf(random, pool.projects);
  if (plain === 'repository') {
    const repository = oneOf(random, pool.repositories);
    return repository.slice(repository.indexOf('/') + 1);
  }
  if (plain === 'reference') return oneOf(random, [...pool.tags, ...pool.digests]);
  if (plain === 'tag' || plain === 'version') return oneOf(random, pool.tags);
  if (plain === 'chart') return oneOf(random, ['castle', 'welcome', 'nginx']);
  if (plain === 'file') return oneOf(random, ['castle-1.2.3.tgz', 'welcome-1.2.3.tgz.prov']);
  if (plain === 'cluster') return oneOf(random, ['fuzzed', 'fresh']);
  if (plain === 'grant') return oneOf(random, [...pool.ids, '1', '2']);
  if (plain === 'username') return oneOf(random, ['alice', 'bob', 'dave', 'carol']);
  if (plain.includes('password') || plain === 'secret') return 'fuzzers-are-for-ships-1A';
  if (plain === 'scope') return `repository:${oneOf(random, pool.repositories)}:pull,push`;
  if (plain === 'resource') return oneOf(random, ['repository', 'tag', 'artifact', 'helm-chart']);
  if (plain === 'action') return oneOf(random, ['pull', 'push', 'read', 'list', 'delete', '*']);
  if (plain === 'q') {
    const field = oneOf(random, [
      'name',
      'username',
      'Level',
      'ProjectID',
      'digest',
      'tags',
      'public',
    ]);
    return `${field}=${oneOf(random, ['a', '~a', '[1~9]', '{1 2}', '(a b)', '{a "b', '~\0', '~%_', '1'])}`;
  }
  if (plain === 'sort') return oneOf(random, ['name', '-creation_time', 'name,-name', 'username']);
  if (/id$|^(user|robot|member|token)$/.test(plain)) {
    return oneOf(random, [...pool.ids, '1', '2', '3', '4', '5']);
  }
  if (plain === 'pagesize') return oneOf(random, ['0', '1', '100', '101']);
  return undefined;
}
