import type { Random } from '#test/random.ts';
import { matchesDigest } from './contents.ts';
import type { OfferedManifest, Planner } from './operation.ts';
import type { Credential, ServerProcess } from './server-process.ts';
import type { Ledger, State } from './state.ts';

/** What a client that pulls is looking for, and by what it is known. */
type Fact = readonly [kind: string, repository: string, name: string, value: string];

export interface Pulls {
  /** Pulls some of what must be there, asks for some of what was deleted, and lists every tag. */
  some(random: Random, amount: number): Promise<string[]>;
  /** Pulls everything, byte for byte, and every list of referrers. */
  all(): Promise<string[]>;
}

/** Looks at a server as its clients do; both methods return what is wrong, in sentences. */
export function pullsFrom(
  server: ServerProcess,
  credential: Credential,
  ledger: Ledger,
  { manifests }: Planner,
): Pulls {
  const get = (path: string) => server.call(credential, path);

  async function pull([kind, repository, name, value]: Fact): Promise<string[]> {
    const blob = kind === 'blob';
    const path = `/v2/${repository}/${blob ? 'blobs' : 'manifests'}/${name}`;
    const { status, headers, body } = await get(path);
    if (status !== 200) return [`${path} was answered ${status}: ${body.toString('utf8')}`];
    const digest = kind === 'tag' ? value : name;
    const problems: string[] = [];
    if (headers['docker-content-digest'] !== digest) {
      problems.push(`${path} is ${headers['docker-content-digest']}, not ${digest}`);
    }
    if (!matchesDigest(digest, body)) problems.push(`the bytes of ${path} are not its own`);
    const offered = blob ? undefined : manifests.get(digest);
    if (offered && headers['content-type'] !== offered.content.mediaType) {
      problems.push(`${path} has the media type ${headers['content-type']}`);
    }
    return problems;
  }

  async function pullWithBlobs(fact: Fact): Promise<string[]> {
    const [kind, repository, name, value] = fact;
    const manifest = manifests.get(kind === 'tag' ? value : name);
    const blobs = new Set(manifest?.blobs);
    const found = [...blobs].map((digest) => pull(['blob', repository, digest, '']));
    return (await Promise.all([pull(fact), ...found])).flat();
  }

  async function compareTags(repository: string): Promise<string[]> {
    const path = `/v2/${repository}/tags/list?n=1000`;
    const { status, body } = await get(path);
    const listed = status === 200 ? (JSON.parse(body.toString('utf8')).tags as string[]) : [];
    const expected = factsOf(ledger.state)
      .filter(([kind, name]) => kind === 'tag' && name === repository)
      .map(([, , tag]) => tag);
    return sameNames(listed, expected)
      ? []
      : [`${path} lists ${listed} (${status}), not ${expected}`];
  }

  async function compareReferrers(repository: string, subject: string): Promise<string[]> {
    const path = `/v2/${repository}/referrers/${subject}`;
    const { body } = await get(path);
    const index = JSON.parse(body.toString('utf8')) as { manifests?: { digest: string }[] };
    const listed = (index.manifests ?? []).map(({ digest }) => digest);
    const expected = factsOf(ledger.state)
      .filter(([kind, name]) => kind === 'manifest' && name === repository)
      .map(([, , digest]) => digest)
      .filter((digest) => manifests.get(digest)?.subject === subject);
    return sameNames(listed, expected) ? [] : [`${path} lists ${listed}, not ${expected}`];
  }

  async function isGone(key: string): Promise<string[]> {
    const [kind, repository, name] = key.split(' ');
    const path = `/v2/${repository}/${kind === 'blob' ? 'blobs' : 'manifests'}/${name}`;
    const { status } = await get(path);
    return status === 404 ? [] : [`${path} was deleted, and answered ${status}`];
  }

  const repositories = () => [...new Set(factsOf(ledger.state).map(([, name]) => name))];

  return {
    async some(random, amount) {
      const facts = factsOf(ledger.state);
      const deleted = [...ledger.deleted];
      const problems: string[] = [];
      for (let count = 0; count < amount; count += 1) {
        const fact = random.pick(facts);
        const gone = random.pick(deleted);
        if (fact !== undefined) problems.push(...(await pullWithBlobs(fact)));
        if (gone !== undefined) problems.push(...(await isGone(gone)));
      }
      for (const repository of repositories()) problems.push(...(await compareTags(repository)));
      return problems;
    },

    async all() {
      const problems: string[] = [];
      for (const fact of factsOf(ledger.state)) problems.push(...(await pull(fact)));
      for (const key of ledger.deleted) problems.push(...(await isGone(key)));
      for (const repository of repositories()) problems.push(...(await compareTags(repository)));
      for (const [repository, subject] of subjectsOf(ledger.state, manifests)) {
        problems.push(...(await compareReferrers(repository, subject)));
      }
      return problems;
    },
  };
}

function factsOf(state: State): Fact[] {
  return [...state].map(([key, value]): Fact => {
    const [kind = '', repository = '', name = ''] = key.split(' ');
    return [kind, repository, name, value];
  });
}

function subjectsOf(
  state: State,
  manifests: ReadonlyMap<string, OfferedManifest>,
): [repository: string, subject: string][] {
  return factsOf(state).flatMap(([kind, repository, digest]) => {
    const subject = kind === 'manifest' ? manifests.get(digest)?.subject : undefined;
    return subject === undefined ? [] : [[repository, subject]];
  });
}

function sameNames(some: readonly string[], others: readonly string[]): boolean {
  return some.toSorted().join() === others.toSorted().join();
}
